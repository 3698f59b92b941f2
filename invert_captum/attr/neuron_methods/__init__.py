"""Where a neuron fired: Captum's neuron methods with a reduction, and maps of its layer."""
