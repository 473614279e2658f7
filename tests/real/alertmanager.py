#!/usr/bin/env python3
"""An Alertmanager of its own on loopback, in a directory that goes with it.

    alertmanager.py --receiver URL [--watch PID]     prints http://127.0.0.1:PORT and then nothing

Whatever fires or ends is told to URL at once. ALERTMANAGER= names a binary that stands elsewhere. It ends with process
PID (default: the caller).
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

CONFIG = """
route: {receiver: hook, group_by: [alertname, severity], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: "%s", send_resolved: true}]}]
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--receiver", required=True)
    parser.add_argument("--watch", type=int, default=os.getppid())
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "alertmanager.yml")
        with open(config, "w") as file:
            file.write(CONFIG % options.receiver)
        program = os.environ.get("ALERTMANAGER") or "prometheus-alertmanager"
        arguments = [f"--config.file={config}", f"--storage.path={folder}/data"]
        arguments += ["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="]
        log = open(os.path.join(folder, "log"), "w+")
        try:
            child = subprocess.Popen([program, *arguments], stdout=log, stderr=log)
        except FileNotFoundError:
            sys.exit(f"there is no {program}; run: make setup")
        try:
            url = None
            while child.poll() is None:
                with open(log.name) as said:
                    found = re.search(r"Listening on.*address=(127\.0\.0\.1:[0-9]+)", said.read())
                if found and not url:
                    url = f"http://{found[1]}"
                    print(url, flush=True)
                os.kill(options.watch, 0)
                time.sleep(0.1)
            with open(log.name) as said:
                sys.exit(f"{program} ended: {said.read()[-2000:]}")
        except ProcessLookupError:
            pass
        finally:
            child.terminate()
            child.wait()


if __name__ == "__main__":
    import signal

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main()
