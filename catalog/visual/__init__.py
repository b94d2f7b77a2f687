"""Turns images and texts into vectors: encoders, their preprocessing, projections and adapters.

Others use `load_encoder.load_encoder`, `encoder`, `errors`, `model_source`, `preprocessing`,
`projection`, `adapter`, `blank` and `plain_features`. Training also uses `networks`. The rest is
private to this folder.
"""

import sys

# Through this package, OpenVINO reports each import and conversion to Google Analytics, from forked
# copies of the process. Without the package it reports nothing.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
