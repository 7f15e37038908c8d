"""radiogen: from brain-MRI DICOM series to a judged prediction of MGMT promoter methylation.

Research software, not a medical device. Importing this package imports no part of it: the rooms are opened by name
(`radiogen.imaging`, `radiogen.training`, ...), so that a command which needs no network never loads TensorFlow.
"""

__version__ = "0.1.0"
