"""What is found out about networks beside their accuracy, and the comparison of two runs."""
