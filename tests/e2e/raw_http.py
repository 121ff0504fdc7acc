#!/usr/bin/env python3
"""raw_http.py PORT WHAT: sends bytes that no client library would, prints the status it is given.

For what could smuggle a second request past a proxy, it prints all that came before the connection
was closed: one status each, so that a second answer shows."""
import socket, sys, time

port, what = int(sys.argv[1]), sys.argv[2]
POST = b"POST /v1/audio/transcriptions?model=en-v1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\n"
s = socket.create_connection(("127.0.0.1", port), timeout=30)


def status():
    data = b""
    try:
        while b"\r\n" not in data:
            piece = s.recv(4096)
            if not piece:
                break
            data += piece
    except (ConnectionError, TimeoutError):
        pass
    return data.split()[1].decode() if data.startswith(b"HTTP/1.") else "none"


def every_status():
    data = b""
    try:
        while piece := s.recv(4096):
            data += piece
    except (ConnectionError, TimeoutError):
        pass
    return " ".join(part.split()[0].decode() for part in data.split(b"HTTP/1.1 ")[1:])


def send(data):
    try:
        s.sendall(data)
    except ConnectionError:
        return False
    return True


SECOND = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
if what == "smuggle":
    send(POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SECOND)
    print(every_status())
    sys.exit()
elif what == "two-lengths":
    send(POST + b"Content-Length: 4\r\nContent-Length: 40\r\n\r\nabcd" + SECOND)
    print(every_status())
    sys.exit()
elif what == "negative-length":
    send(POST + b"Content-Length: -1\r\n\r\nabcd")
elif what == "rubbish":
    send(bytes(range(256)) * 40 + b"\r\n\r\n")
elif what == "dribble":  # never idle, never done
    send(POST + b"Content-Length: 100000\r\n\r\n")
    s.setblocking(False)
    for _ in range(200):
        if not send(b"RIFF"):
            break
        time.sleep(0.1)
        try:
            if s.recv(1, socket.MSG_PEEK):
                break
        except BlockingIOError:
            continue
    s.settimeout(30)
elif what == "stall":
    send(POST + b"Content-Length: 100000\r\n\r\nRIFF")
elif what == "leave":
    send(POST + b"Content-Length: 100000\r\n\r\n" + b"RIFF" * 1000)
    s.close()
    print("left")
    sys.exit()
print(status())
