/*
 * The canned responder: answers every ZooKeeper request at once, out of constants, so that a benchmark against it
 * measures the client alone. One thread, epoll, one write for every read: replies to whatever arrived together leave together.
 *
 * Usage: canned-responder          listens on a free port of 127.0.0.1, prints the port, ends when stdin does.
 *
 * Paths that mean something:
 *   /bench/size-N   get: N bytes of data; getChildren: N names      (any other path: 100 bytes, 10 names)
 *   /bench/fire     set: after the reply, an event for every watch this connection has left, forgetting them
 *   /bench/drop     set: after the reply, the connection is closed
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_CHUNK = 1 << 18, MAX_FRAME = 64 << 20, DEFAULT_DATA = 100, DEFAULT_NAMES = 10, NAME_LENGTH = 10, STAT_LENGTH = 68 };
enum {
  OP_CREATE = 1, OP_DELETE = 2, OP_EXISTS = 3, OP_GET = 4, OP_SET = 5, OP_GET_ACL = 6, OP_CHILDREN = 8, OP_SYNC = 9, OP_PING = 11,
  OP_CHILDREN2 = 12, OP_CREATE2 = 15, OP_REMOVE_WATCHES = 18, OP_CONTAINER = 19, OP_AUTH = 100, OP_SET_WATCHES = 101,
  OP_SET_WATCHES2 = 105, OP_ADD_WATCH = 106, OP_CLOSE = -11
};

struct bytes {
  uint8_t *at;
  size_t length, room;
};

struct peer {
  int fd;
  int greeted, closing, writing;
  size_t sent;
  struct bytes in, out, watches; /* watches: length-prefixed paths, one after another */
};

static int64_t last_zxid = 1000, last_session = 0x0100000000000000;
static int32_t sequence;

static uint8_t *grow(struct bytes *b, size_t more) {
  if (b->length + more > b->room) {
    b->room = (b->length + more) * 2;
    b->at = realloc(b->at, b->room);
    if (!b->at) abort();
  }
  uint8_t *p = b->at + b->length;
  b->length += more;
  return p;
}

static void store32(uint8_t *p, int32_t v) {
  uint32_t n = htonl((uint32_t)v);
  memcpy(p, &n, 4);
}
static void store64(uint8_t *p, int64_t v) {
  store32(p, (int32_t)(v >> 32));
  store32(p + 4, (int32_t)v);
}
static int32_t load32(const uint8_t *p) {
  uint32_t n;
  memcpy(&n, p, 4);
  return (int32_t)ntohl(n);
}
static void put32(struct bytes *b, int32_t v) { store32(grow(b, 4), v); }
static void put64(struct bytes *b, int64_t v) { store64(grow(b, 8), v); }
static void put(struct bytes *b, const void *from, size_t length) { memcpy(grow(b, length), from, length); }

static void put_stat(struct bytes *b, int32_t data_length, int32_t children) {
  uint8_t *p = grow(b, STAT_LENGTH);
  memset(p, 0, STAT_LENGTH);
  store64(p, 100);                  /* czxid */
  store64(p + 8, last_zxid);        /* mzxid */
  store64(p + 16, 1700000000000LL); /* ctime */
  store64(p + 24, 1700000000000LL); /* mtime */
  store32(p + 32, 7);               /* version */
  store32(p + 36, children);        /* cversion */
  store32(p + 52, data_length);
  store32(p + 56, children);
  store64(p + 60, 101); /* pzxid */
}

static void put_names(struct bytes *b, int32_t count) {
  put32(b, count);
  uint8_t *p = grow(b, (size_t)count * (4 + NAME_LENGTH));
  for (int32_t i = 0; i < count; i++, p += 4 + NAME_LENGTH) {
    store32(p, NAME_LENGTH);
    memcpy(p + 4, "child", 5);
    for (int32_t digit = NAME_LENGTH - 1, n = i; digit >= 5; digit--, n /= 10) p[4 + digit] = (uint8_t)('0' + n % 10);
  }
}

static int32_t size_in(const uint8_t *path, int32_t length, int32_t otherwise) {
  static const char prefix[] = "/bench/size-";
  const int32_t skip = (int32_t)sizeof prefix - 1;
  if (length <= skip || memcmp(path, prefix, (size_t)skip) != 0) return otherwise;
  int32_t n = 0;
  for (int32_t i = skip; i < length; i++) n = n * 10 + (path[i] - '0');
  return n;
}

static int is_path(const uint8_t *path, int32_t length, const char *expected) {
  return length == (int32_t)strlen(expected) && memcmp(path, expected, (size_t)length) == 0;
}

static void remember_watch(struct peer *c, const uint8_t *path, int32_t length) {
  put32(&c->watches, length);
  put(&c->watches, path, (size_t)length);
}

static void restore_watches(struct peer *c, const uint8_t *p, const uint8_t *end) {
  p += 8; /* relativeZxid */
  while (p + 4 <= end) {
    int32_t count = load32(p);
    p += 4;
    for (; count > 0 && p + 4 <= end; count--) {
      int32_t length = load32(p);
      if (length < 0 || p + 4 + length > end) return;
      remember_watch(c, p + 4, length);
      p += 4 + length;
    }
  }
}

static void fire_watches(struct peer *c) {
  const uint8_t *p = c->watches.at, *end = p + c->watches.length;
  while (p < end) {
    int32_t length = load32(p);
    put32(&c->out, 16 + 12 + length);
    put32(&c->out, -1);
    put64(&c->out, last_zxid);
    put32(&c->out, 0);
    put32(&c->out, 3); /* NodeDataChanged */
    put32(&c->out, 3); /* SyncConnected */
    put(&c->out, p, 4 + (size_t)length);
    p += 4 + length;
  }
  c->watches.length = 0;
}

static void greet(struct peer *c, const uint8_t *p, int32_t length) {
  int32_t timeout = load32(p + 12);
  if (timeout < 6000) timeout = 6000;
  if (timeout > 600000) timeout = 600000;
  int64_t session = ((int64_t)load32(p + 16) << 32) | (uint32_t)load32(p + 20);
  int with_flag = length > 44;
  put32(&c->out, with_flag ? 37 : 36);
  put32(&c->out, 0);
  put32(&c->out, timeout);
  put64(&c->out, session ? session : ++last_session);
  put32(&c->out, 16);
  put(&c->out, "canned-password!", 16);
  if (with_flag) put(&c->out, "", 1);
  c->greeted = 1;
}

static void put_body(struct peer *c, int32_t op, const uint8_t *p, const uint8_t *end) {
  struct bytes *out = &c->out;
  if (p + 4 > end) return;
  int32_t length = load32(p);
  const uint8_t *path = p + 4, *rest = path + length;
  int32_t n;
  int watched = (op == OP_GET || op == OP_EXISTS || op == OP_CHILDREN || op == OP_CHILDREN2) && rest < end && *rest;
  switch (op) {
    case OP_GET:
      n = size_in(path, length, DEFAULT_DATA);
      put32(out, n);
      memset(grow(out, (size_t)n), 'x', (size_t)n);
      put_stat(out, n, 0);
      break;
    case OP_SET:
      put_stat(out, load32(rest), 0);
      break;
    case OP_EXISTS:
      put_stat(out, DEFAULT_DATA, 0);
      break;
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CONTAINER: {
      int sequential = load32(end - 4) & 2;
      char suffix[16];
      int digits = sequential ? snprintf(suffix, sizeof suffix, "%010d", sequence++ & 0x7fffffff) : 0;
      put32(out, length + digits);
      put(out, path, (size_t)length);
      put(out, suffix, (size_t)digits);
      if (op != OP_CREATE) put_stat(out, DEFAULT_DATA, 0);
      break;
    }
    case OP_CHILDREN:
    case OP_CHILDREN2:
      n = size_in(path, length, DEFAULT_NAMES);
      put_names(out, n);
      if (op == OP_CHILDREN2) put_stat(out, 0, n);
      break;
    case OP_SYNC:
      put(out, p, 4 + (size_t)length);
      break;
    case OP_GET_ACL:
      put(out, "\0\0\0\1\0\0\0\37\0\0\0\5world\0\0\0\6anyone", 4 + 4 + 9 + 10);
      put_stat(out, DEFAULT_DATA, 0);
      break;
    case OP_ADD_WATCH:
      put32(out, 0);
      remember_watch(c, path, length);
      break;
  }
  if (watched) remember_watch(c, path, length);
}

static int known(int32_t op) {
  switch (op) {
    case OP_CREATE: case OP_DELETE: case OP_EXISTS: case OP_GET: case OP_SET: case OP_GET_ACL: case OP_CHILDREN: case OP_SYNC:
    case OP_PING: case OP_CHILDREN2: case OP_CREATE2: case OP_REMOVE_WATCHES: case OP_CONTAINER: case OP_AUTH:
    case OP_SET_WATCHES: case OP_SET_WATCHES2: case OP_ADD_WATCH: case OP_CLOSE: return 1;
    default: return 0;
  }
}

static void answer(struct peer *c, const uint8_t *p, int32_t length) {
  if (!c->greeted) {
    if (length >= 44) greet(c, p, length);
    else c->closing = 1;
    return;
  }
  if (length < 8) {
    c->closing = 1;
    return;
  }
  const uint8_t *end = p + length;
  int32_t xid = load32(p), op = load32(p + 4);
  size_t start = c->out.length;
  uint8_t *header = grow(&c->out, 20);
  store32(header + 4, op == OP_PING ? -2 : xid);
  store64(header + 8, op == OP_AUTH ? 0 : ++last_zxid);
  store32(header + 16, known(op) ? 0 : -6);
  if (op == OP_SET_WATCHES || op == OP_SET_WATCHES2) restore_watches(c, p + 8, end);
  else if (op == OP_CLOSE) c->closing = 1;
  else put_body(c, op, p + 8, end);
  store32(c->out.at + start, (int32_t)(c->out.length - start - 4));
  if (op == OP_SET && length > 12) {
    int32_t n = load32(p + 8);
    if (is_path(p + 12, n, "/bench/fire")) fire_watches(c);
    if (is_path(p + 12, n, "/bench/drop")) c->closing = 1;
  }
}

static void answer_all(struct peer *c) {
  size_t at = 0;
  while (!c->closing && c->in.length - at >= 4) {
    int32_t length = load32(c->in.at + at);
    if (length < 0 || length > MAX_FRAME) {
      c->closing = 1;
      break;
    }
    if (c->in.length - at - 4 < (size_t)length) break;
    answer(c, c->in.at + at + 4, length);
    at += 4 + (size_t)length;
  }
  memmove(c->in.at, c->in.at + at, c->in.length - at);
  c->in.length -= at;
}

static void drop(struct peer *c) {
  close(c->fd);
  free(c->in.at);
  free(c->out.at);
  free(c->watches.at);
  free(c);
}

/* Gives 0 once the peer is gone. While a reply waits for room in the socket nothing more is read. */
static int flush(int poll, struct peer *c) {
  while (c->sent < c->out.length) {
    ssize_t n = write(c->fd, c->out.at + c->sent, c->out.length - c->sent);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return drop(c), 0;
    c->sent += (size_t)n;
  }
  int writing = c->sent < c->out.length;
  if (!writing) {
    c->sent = c->out.length = 0;
    if (c->closing) return drop(c), 0;
  }
  if (writing != c->writing) {
    struct epoll_event e = {.events = writing ? EPOLLOUT : EPOLLIN, .data.ptr = c};
    epoll_ctl(poll, EPOLL_CTL_MOD, c->fd, &e);
    c->writing = writing;
  }
  return 1;
}

static void serve(int poll, struct peer *c) {
  if (c->writing) {
    flush(poll, c);
    return;
  }
  uint8_t *room = grow(&c->in, READ_CHUNK);
  c->in.length -= READ_CHUNK;
  ssize_t n = read(c->fd, room, READ_CHUNK);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    drop(c);
    return;
  }
  c->in.length += (size_t)n;
  answer_all(c);
  flush(poll, c);
}

static void welcome(int poll, int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct peer *c = calloc(1, sizeof *c);
  if (!c) abort();
  c->fd = fd;
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(poll, EPOLL_CTL_ADD, fd, &e);
}

int main(void) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 128) || getsockname(listener, (struct sockaddr *)&address, &size)) {
    perror("canned-responder");
    return 1;
  }
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);

  int poll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event listening = {.events = EPOLLIN, .data.ptr = &listener}, parent = {.events = EPOLLIN, .data.ptr = &parent};
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &listening);
  epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &parent);
  struct epoll_event ready[64];
  for (;;) {
    int n = epoll_wait(poll, ready, 64, -1);
    for (int i = 0; i < n; i++) {
      if (ready[i].data.ptr == &listener) welcome(poll, listener);
      else if (ready[i].data.ptr == &parent) return 0;
      else serve(poll, ready[i].data.ptr);
    }
  }
}
