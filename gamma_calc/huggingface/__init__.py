"""The theory beside real transformers and their adapters. Importing this loads neither torch nor transformers."""
