"""python -m gamma_calc: the command line."""

import sys

from gamma_calc.cli.main import main

sys.exit(main())
