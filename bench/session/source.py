# Prints BYTES bytes of lines for each line that is typed, as `cat` of a file would.
import os, sys, termios

settings = termios.tcgetattr(0)
settings[3] &= ~termios.ECHO
termios.tcsetattr(0, termios.TCSANOW, settings)
size = int(sys.argv[1])
block = (b"".join(b"%06d " % i + b"abcdefghijklmnopqrstuvwxyz0123456789 " * 2 + b"x" * 18 + b"\n" for i in range(1000)) * 2)[:131000]
os.write(1, b"ready\n")
while os.read(0, 100):
    left = size
    while left > 0:
        left -= os.write(1, block[:left])
