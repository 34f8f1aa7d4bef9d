"""What a report says, whatever its format is: numbers, words, and which images it shows."""
