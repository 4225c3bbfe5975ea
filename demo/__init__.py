"""The demo AI service: a small, real service for the portal to measure."""

import os

# The matrices here are small: BLAS threads of several requests would only fight for the cores
# and make latencies noisy. It must be set before numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
