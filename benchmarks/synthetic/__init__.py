"""What tests and benchmarks make for themselves: DICOM series of many kinds, files of weights, a stand-in for Kaggle,
wheels."""
