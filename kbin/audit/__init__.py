"""Why a test set falls short: each check is one file that takes arrays and ends as a finding; no Keras."""
