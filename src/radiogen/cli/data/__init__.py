"""Commands for data sets: download, inspect, preprocess, phantom, pictures, exports, confounds."""
