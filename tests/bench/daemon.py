"""daemon.py - what benchmarks written in Python need of a daemon: one to talk to, and how to send it a
recording. Standard library only."""
import contextlib, json, os, re, subprocess, sys, threading, urllib.request, uuid


@contextlib.contextmanager
def started(*options):
    """Gives the address that endpoints are relative to, and the process. The tree's model, at a port that is free."""
    scribed = os.path.join(os.environ.get("BUILD", "build/plain"), "scribed")
    process = subprocess.Popen([scribed, "serve", "--model", "model/en", "--port", "0", *options],
                               stderr=subprocess.PIPE, text=True)
    try:
        port = None
        for line in process.stderr:
            found = re.search(r"msg=listening .*port=(\d+)", line)
            port = found.group(1) if found else port
            if "msg=ready" in line:
                break
        else:
            sys.exit("the daemon has not started")
        # A daemon whose log nobody reads stops when the pipe is full.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield "http://127.0.0.1:%s/v1/" % port, process
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def daemon():
    """The address alone, of one with its defaults."""
    with started() as (address, _):
        yield address


def post(url, audio, fields):
    """The JSON answer to a form of the recording's bytes and of fields, which are (name, value) pairs."""
    boundary = uuid.uuid4().hex
    body = b"".join(b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % tuple(
        str(x).encode() for x in (boundary, name, value)) for name, value in fields)
    body += b'--%s\r\nContent-Disposition: form-data; name="file"; filename="recording"\r\n\r\n' % boundary.encode()
    body += audio + b"\r\n--%s--\r\n" % boundary.encode()
    request = urllib.request.Request(url, body, {"Content-Type": "multipart/form-data; boundary=" + boundary})
    return json.load(urllib.request.urlopen(request))
