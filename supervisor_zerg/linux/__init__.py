"""What the Linux kernel shows of processes, descriptors and sockets; signals to processes."""
