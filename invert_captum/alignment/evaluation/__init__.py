"""How well a model looks where people look: per image, between models, and by concept."""
