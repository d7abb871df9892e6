"""Projects for the engines that people run when one machine is not enough."""
