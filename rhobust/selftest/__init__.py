"""Problems with known answers, which the program asks itself."""
