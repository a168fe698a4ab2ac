"""What is proved, and by which check; no input or output.

What the X.509 library remarks about a stranger's certificate (a country of three letters, a serial number of 0) is not
said to whoever verifies it or trusts its authority, nor may it end the program where warnings are errors: what counts
is refused by code.
"""

import warnings

warnings.filterwarnings("ignore", module=r"sigstep\.(proofs|trust)\.")
