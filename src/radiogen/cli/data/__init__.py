"""Commands about data sets: download, inspect, preprocess, phantom, pictures, exports, the acquisition alone."""
