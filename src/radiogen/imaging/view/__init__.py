"""A series to look at: one HTML file with its three planes, which opens from a disk and asks nothing of the network.

Read first: `page.py`. viewer.js draws by NiiVue where that is installed and the browser has WebGL 2, else by itself.
"""
