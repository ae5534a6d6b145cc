#!/usr/bin/env python3
"""Says how wide a page is on a screen of a given width; exit code 1 when it is wider than the screen.

usage: width.py CHROMIUM URL WIDTH [SCREENSHOT.png [dark]]

Speaks the DevTools protocol over the pipe Chromium offers, so that it needs no library and no driver.
"""
import base64
import json
import os
import subprocess
import sys
import tempfile


class Browser:
    """A headless Chromium at the other end of two pipes."""

    def __init__(self, program, profile):
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        for end, number in ((commands, 3), (answers, 4)):
            os.set_inheritable(end, True)

        def connect():
            low, high = os.dup(commands), os.dup(answers)
            os.dup2(low, 3)
            os.dup2(high, 4)

        flags = ["--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
                 "--disable-sync", f"--user-data-dir={profile}", "--remote-debugging-pipe", "--hide-scrollbars"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        self.process = subprocess.Popen([program, *flags], pass_fds=(3, 4), preexec_fn=connect, stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)
        self.buffer = b""
        self.number = 0

    def read(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.answers, 1 << 16)
            if not piece:
                sys.exit("Chromium ended")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def ask(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def wait_for(self, event):
        while self.read().get("method") != event:
            pass


def main():
    program, url, width, *rest = sys.argv[1:]
    width = int(width)
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(program, profile)
        try:
            target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
            session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            browser.ask("Emulation.setDeviceMetricsOverride", session, width=width, height=900, deviceScaleFactor=1, mobile=False)
            if "dark" in rest:
                browser.ask("Emulation.setEmulatedMedia", session, features=[{"name": "prefers-color-scheme", "value": "dark"}])
            browser.ask("Page.enable", session)
            browser.ask("Page.navigate", session, url=url)
            browser.wait_for("Page.loadEventFired")
            measured = browser.ask("Runtime.evaluate", session, expression="document.documentElement.scrollWidth")["result"]["value"]
            if rest:
                shot = browser.ask("Page.captureScreenshot", session, captureBeyondViewport=True)
                with open(rest[0], "wb") as file:
                    file.write(base64.b64decode(shot["data"]))
            browser.ask("Browser.close")
        finally:
            browser.process.terminate()
            browser.process.wait(30)
    print(f"{url} is {measured} pixels wide on a screen of {width}")
    sys.exit(0 if measured <= width else 1)


main()
