"""What is kept of the images of a test set, and of the questions that were asked of them."""
