"""What tests and benchmarks make for themselves: DICOM series of many kinds, a stand-in for Kaggle, wheels."""
