# fernet.py encrypt|decrypt KEYS TEXT|TOKEN: what Python's `cryptography` makes of it, with several keys as MultiFernet.
import re
import sys

from cryptography.fernet import Fernet, MultiFernet

what, keys, text = sys.argv[1:]
fernet = MultiFernet([Fernet(key) for key in re.split(r"[,\s]+", keys)])
made = fernet.encrypt(text.encode()) if what == "encrypt" else fernet.decrypt(text.encode())
sys.stdout.write(made.decode())
