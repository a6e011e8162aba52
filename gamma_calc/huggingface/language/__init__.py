"""The paper's experiments with language models: classification and language modelling under two initialisations."""
