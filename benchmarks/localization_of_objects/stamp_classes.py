"""Which ImageNet class each photographic stamp of Tux Paint shows.

A stamp stands here if it is cut out of a photograph, is at least 70 pixels long and at most four
times as long as wide, and shows one of ImageNet's 1,000 classes: the class itself, or another
species of the same genus, such as the grey squirrel for the fox squirrel. The class was chosen from
the stamp's name and by eye, from nothing that a network or an attribution says about it.
Mirrored copies, drawings, and stamps whose class is in doubt are left out.
"""

from __future__ import annotations

CLASS_OF_STAMP: dict[str, int] = {
    "animals/birds/chicken_profile.png": 8,  # hen
    "animals/birds/crowned_crane.png": 134,  # crane
    "animals/birds/drake.png": 97,  # drake
    "animals/birds/duck.png": 97,  # drake
    "animals/birds/gander.png": 99,  # goose
    "animals/birds/hen.png": 8,  # hen
    "animals/birds/peacock.png": 84,  # peacock
    "animals/birds/pelican.png": 144,  # pelican
    "animals/birds/penguin.png": 145,  # king penguin
    "animals/birds/pink_flamingo.png": 130,  # flamingo
    "animals/birds/rainbow-lorikeet.png": 90,  # lorikeet
    "animals/birds/rooster.png": 7,  # cock
    "animals/birds/tucan.png": 96,  # toucan
    "animals/birds/vulture.png": 23,  # vulture
    "animals/fish/clownfish.png": 393,  # anemone fish
    "animals/fish/lionfish.png": 396,  # lionfish
    "animals/fish/lobster.png": 123,  # spiny lobster
    "animals/insects/Brown_slug.png": 114,  # slug
    "animals/insects/Woodlouse.png": 126,  # isopod
    "animals/insects/fly.png": 308,  # fly
    "animals/insects/grasshopper.png": 311,  # grasshopper
    "animals/insects/mantis.png": 315,  # mantis
    "animals/lizards/iguana.png": 39,  # common iguana
    "animals/mammals/apes/chimp.png": 367,  # chimpanzee
    "animals/mammals/apes/gorilla.png": 366,  # gorilla
    "animals/mammals/aquatic/orca.png": 148,  # killer whale
    "animals/mammals/aquatic/otter.png": 360,  # otter
    "animals/mammals/aquatic/sea_lion.png": 150,  # sea lion
    "animals/mammals/badger.png": 362,  # badger
    "animals/mammals/bears/european-bear.png": 294,  # brown bear
    "animals/mammals/bears/toys/edward_bear.png": 850,  # teddy
    "animals/mammals/bovines/bison.png": 347,  # bison
    "animals/mammals/bovines/bull.png": 345,  # ox
    "animals/mammals/bovines/ram.png": 348,  # ram
    "animals/mammals/bovines/zebu.png": 345,  # ox
    "animals/mammals/camel/camel.png": 354,  # Arabian camel
    "animals/mammals/camel/dromedary.png": 354,  # Arabian camel
    "animals/mammals/cats/lion.png": 291,  # lion
    "animals/mammals/cats/lion-2.png": 291,  # lion
    "animals/mammals/cats/tiger.png": 292,  # tiger
    "animals/mammals/cats/tiger_sumatran.png": 292,  # tiger
    "animals/mammals/dogs/dingo.png": 273,  # dingo
    "animals/mammals/dogs/fox.png": 277,  # red fox
    "animals/mammals/elephant.png": 386,  # African elephant
    "animals/mammals/equines/horse.png": 339,  # sorrel
    "animals/mammals/equines/zebra.png": 340,  # zebra
    "animals/mammals/ferret.png": 359,  # black-footed ferret
    "animals/mammals/hippopotamus.png": 344,  # hippopotamus
    "animals/mammals/pig.png": 341,  # hog
    "animals/mammals/pig_golden.png": 341,  # hog
    "animals/mammals/pig_golden2.png": 341,  # hog
    "animals/mammals/rodents/beaver.png": 337,  # beaver
    "animals/mammals/rodents/marmot.png": 336,  # marmot
    "animals/mammals/rodents/squirrel.png": 335,  # fox squirrel
    "animals/mammals/wildboar.png": 342,  # wild boar
    "animals/marsupials/kangaroo.png": 104,  # wallaby
    "animals/marsupials/koala.png": 105,  # koala
    "animals/marsupials/wombat.png": 106,  # wombat
    "food/fruit/Strawberry2.png": 949,  # strawberry
    "food/fruit/banana.png": 954,  # banana
    "food/fruit/cherimoya.png": 956,  # custard apple
    "food/fruit/lemon.png": 951,  # lemon
    "food/fruit/mandarine.png": 950,  # orange
    "food/fruit/orange_seville.png": 950,  # orange
    "food/fruit/pineapple.png": 953,  # pineapple
    "food/fruit/sliced_orange.png": 950,  # orange
    "food/vegetables/broccoli.png": 937,  # broccoli
    "food/vegetables/corn.png": 987,  # corn
    "food/vegetables/yellowpepper.png": 945,  # bell pepper
    "hobbies/binoculars.png": 447,  # binoculars
    "hobbies/camera_35mm.png": 759,  # reflex camera
    "hobbies/music/brass/trumpet.png": 513,  # cornet
    "hobbies/music/percussion/drum_tomtom_floor.png": 541,  # drum
    "hobbies/music/percussion/drumkit.png": 541,  # drum
    "hobbies/music/string/cello.png": 486,  # cello
    "hobbies/music/string/guitar2.png": 546,  # electric guitar
    "hobbies/music/string/guitar_classical.png": 402,  # acoustic guitar
    "hobbies/music/string/guitar_electric.png": 546,  # electric guitar
    "hobbies/music/string/violin.png": 889,  # violin
    "household/dishes/mug.png": 504,  # coffee mug
    "household/dishes/pitcher_small.png": 725,  # pitcher
    "household/dishes/teapot.png": 849,  # teapot
    "household/garbagecan.png": 412,  # ashcan
    "household/toilet.png": 861,  # toilet seat
    "household/tools/hammer.png": 587,  # hammer
    "household/tools/paintbrush_large.png": 696,  # paintbrush
    "household/tools/spade.png": 792,  # shovel
    "household/wheelie_bin.png": 412,  # ashcan
    "medical/bandage_adhesive.png": 419,  # Band Aid
    "medical/stethoscope.png": 823,  # stethoscope
    "military/paratrooper.png": 701,  # parachute
    "military/vehicles/bradley.png": 847,  # tank
    "military/vehicles/f22_raptor.png": 895,  # warplane
    "military/vehicles/ww2_german_gun.png": 847,  # tank
    "plants/flowers/yellow-flower.png": 985,  # daisy
    "plants/mushrooms/cep.png": 997,  # bolete
    "plants/mushrooms/cep-1.png": 997,  # bolete
    "plants/mushrooms/cep-2.png": 997,  # bolete
    "seasonal/candle.png": 470,  # candle
    "sports/basketball.png": 430,  # basketball
    "sports/soccer.png": 805,  # soccer ball
    "sports/tennis_ball.png": 852,  # tennis ball
    "sports/tennis_racket.png": 752,  # racket
    "town/uk_post_box.png": 637,  # mailbox
    "town/usps_mailbox.png": 637,  # mailbox
    "vehicles/auto/truck.png": 717,  # pickup
    "vehicles/cycle/pink_tricycle.png": 870,  # tricycle
    "vehicles/emergency/firetruck.png": 555,  # fire engine
    "vehicles/flight/balloon360.png": 417,  # balloon
    "vehicles/flight/planes/747.png": 404,  # airliner
    "vehicles/garbagetruck.png": 569,  # garbage truck
}
"""ImageNet's class index by path below the folder of the stamps."""
