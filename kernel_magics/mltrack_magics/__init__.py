"""What listens in the kernel: magics, cell capture, notebook snapshots."""
