"""From the published Keras weights to the same networks in PyTorch.

Fel et al. (NeurIPS 2022) published seven harmonized networks as Keras ``.h5`` files. Six have an
exact counterpart: with the same weights it gives the same numbers, to the rounding of float32.

================== ================================= ========== ===================================
file               built in Keras by                 supported  counterpart, or why there is none
================== ================================= ========== ===================================
VGG16              ``keras.applications``            yes        ``torchvision.models.vgg16()``
EfficientNetB0     ``efficientnet``                  yes        ``timm.create_model(
                                                                'tf_efficientnet_b0')``
ConvNeXt-T         ``keras_cv_attention_models``     yes        ``torchvision.models.
                                                                convnext_tiny()``
ViT-B16            ``vit_keras``                     yes        ``torchvision.models.vit_b_16()``
MaxViT-T           ``keras_cv_attention_models``     yes        ``timm.create_model(
                                                                'maxvit_tiny_tf_224')``
LeViT (LeViT128)   ``keras_cv_attention_models``     yes        ``timm.create_model('levit_128',
                                                                distilled=False)``
ResNet50V2         ``keras.applications``            no         Halves the maps in the last block of
                                                                a stack and max-pools beside it;
                                                                torchvision and timm halve in the
                                                                first, with a convolution.
================== ================================= ========== ===================================

The packages are those that the released code names; for VGG16 and ResNet50V2, which it loads as
whole models, they are inferred from the names. EfficientNetB0 of ``keras.applications`` loads as
well. ConvNeXt and ResNet of ``keras.applications`` do not.

The released code gives all of them RGB images from 0 to 1, standardised with ImageNet's mean and
deviation, and not what ``keras.applications`` does before a network of the same name. A file does
not tell, so `load_keras_weights` has an argument for it.

The published files hold the numbers of float32 and the PyTorch models compute them in inference.
Training goes on otherwise than in Keras: momentum of batch normalisation and rates of dropout are
those of the PyTorch model.
"""
