"""What a search for the best recipe says of labels without meaning."""
