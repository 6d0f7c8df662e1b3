"""What the Linux kernel tells about processes, descriptors and sockets, and signals to processes."""
