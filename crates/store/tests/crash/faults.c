/* A disk that fails, loaded between a program and its C library (LD_PRELOAD).
 *
 * Of each file under FAULTS_DIR it keeps what a disk would surely have: everything up to the last sync. What was
 * written since is pending. When the power is cut, any part of what is pending may have reached the disk, in any
 * order and torn, and the program is gone. Syncs cost nothing: what they promise is kept here.
 *
 *   FAULTS_DIR     the directory; its files whose names end in -shm or .lock are left alone
 *   FAULTS_SEED    of all choices
 *   FAULTS_DIE_AT  the operation (write, sync, truncation, removal) at which the program dies; 0 for never
 *   FAULTS_POWER   1: the power is cut; 0: only the program dies, and what it wrote is there
 *   FAULTS_FROM    the first operation that fails; 0 for none
 *   FAULTS_COUNT   how many fail
 *   FAULTS_ERROR   the errno they fail with; writes only, unless it is EIO
 *   FAULTS_LOCKED  1: files that are there may only be read
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 16
#define DESCRIPTORS 1024
#define SECTOR 512

/* A write, or with no bytes a truncation to `at`. */
struct pending {
    off_t at;
    size_t length;
    unsigned char *bytes;
    struct pending *next;
};

struct file {
    char path[512];
    unsigned char *disk; /* what is surely on the disk */
    size_t size;
    struct pending *first, **last;
};

static struct file *files[FILES];
static struct file *open_files[DESCRIPTORS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *dir;
static uint64_t seed, operations, die_at, fail_from, fail_count;
static int power, fail_error, locked;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_unlink)(const char *);

static uint64_t number(const char *name) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void load(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite");
    real_open = dlsym(RTLD_NEXT, "open");
    real_close = dlsym(RTLD_NEXT, "close");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    dir = getenv("FAULTS_DIR");
    seed = number("FAULTS_SEED") * 2862933555777941757u + 3037000493u;
    die_at = number("FAULTS_DIE_AT");
    power = (int)number("FAULTS_POWER");
    fail_from = number("FAULTS_FROM");
    fail_count = number("FAULTS_COUNT");
    fail_error = (int)number("FAULTS_ERROR");
    locked = (int)number("FAULTS_LOCKED");
}

/* xorshift64* */
static uint64_t roll(uint64_t below) {
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (seed * 2685821657736338717u >> 33) % below;
}

static void *must(void *memory) {
    if (!memory) abort();
    return memory;
}

/* === what is on the disk === */

static void grow(struct file *file, size_t size) {
    if (size <= file->size) return;
    file->disk = must(realloc(file->disk, size));
    memset(file->disk + file->size, 0, size - file->size);
    file->size = size;
}

static void put(struct file *file, off_t at, const unsigned char *bytes, size_t length) {
    grow(file, (size_t)at + length);
    memcpy(file->disk + at, bytes, length);
}

/* All of a pending change reaches the disk. */
static void apply(struct file *file, const struct pending *change) {
    if (change->bytes)
        put(file, change->at, change->bytes, change->length);
    else if ((size_t)change->at < file->size)
        file->size = (size_t)change->at;
    else
        grow(file, (size_t)change->at);
}

/* Some of its sectors do, or all, or none. */
static void apply_some(struct file *file, const struct pending *change) {
    switch (roll(3)) {
    case 0:
        return;
    case 1:
        apply(file, change);
        return;
    }
    if (!change->bytes) return;
    size_t done = 0;
    while (done < change->length) {
        size_t sector = SECTOR - ((size_t)change->at + done) % SECTOR;
        if (sector > change->length - done) sector = change->length - done;
        if (roll(2)) put(file, change->at + (off_t)done, change->bytes + done, sector);
        done += sector;
    }
}

/* The changes that were pending have reached the disk: all of them, or after a failed sync who knows which. After a
 * failed sync nobody tries again, so those that have not reached it never will. */
static void settle(struct file *file, int all) {
    struct pending *change = file->first;
    while (change) {
        struct pending *next = change->next;
        if (all)
            apply(file, change);
        else
            apply_some(file, change);
        free(change->bytes);
        free(change);
        change = next;
    }
    file->first = NULL;
    file->last = &file->first;
}

static void pend(struct file *file, off_t at, const void *bytes, size_t length) {
    struct pending *change = must(calloc(1, sizeof *change));
    change->at = at;
    change->length = length;
    if (bytes) {
        change->bytes = must(malloc(length ? length : 1));
        memcpy(change->bytes, bytes, length);
    }
    *file->last = change;
    file->last = &change->next;
}

/* Each file becomes what a disk would have of it. */
static void cut_power(void) {
    for (int index = 0; index < FILES; index++) {
        struct file *file = files[index];
        if (!file) continue;
        settle(file, 0);
        int fd = real_open(file->path, O_WRONLY);
        if (fd < 0) continue;
        if (real_ftruncate(fd, 0)) abort();
        size_t done = 0;
        while (done < file->size) {
            ssize_t wrote = real_pwrite(fd, file->disk + done, file->size - done, (off_t)done);
            if (wrote <= 0) abort();
            done += (size_t)wrote;
        }
    }
}

static void die(void) {
    if (power) cut_power();
    raise(SIGKILL);
}

/* === the files === */

static int is_ours(const char *path) {
    size_t length = strlen(path), prefix = dir ? strlen(dir) : 0;
    return dir && strncmp(path, dir, prefix) == 0 && path[prefix] == '/' && length < sizeof files[0]->path &&
           !(length > 4 && strcmp(path + length - 4, "-shm") == 0) &&
           !(length > 5 && strcmp(path + length - 5, ".lock") == 0);
}

static void read_disk(struct file *file, int fd) {
    struct stat stat;
    if (fstat(fd, &stat)) abort();
    grow(file, (size_t)stat.st_size);
    size_t done = 0;
    while (done < file->size) {
        ssize_t got = pread(fd, file->disk + done, file->size - done, (off_t)done);
        if (got <= 0) abort();
        done += (size_t)got;
    }
}

static void opened(const char *path, int fd) {
    if (fd < 0 || fd >= DESCRIPTORS || !is_ours(path)) return;
    int free_index = -1;
    for (int index = 0; index < FILES; index++) {
        if (!files[index])
            free_index = index;
        else if (strcmp(files[index]->path, path) == 0) {
            open_files[fd] = files[index];
            return;
        }
    }
    if (free_index < 0) abort();
    struct file *file = must(calloc(1, sizeof *file));
    strcpy(file->path, path);
    file->last = &file->first;
    int reading = real_open(path, O_RDONLY);
    if (reading < 0) abort();
    read_disk(file, reading);
    /* Not closed: closing any descriptor of a file gives up all of this process's locks on it. */
    files[free_index] = file;
    open_files[fd] = file;
}

static struct file *of(int fd) { return fd >= 0 && fd < DESCRIPTORS ? open_files[fd] : NULL; }

/* Counts an operation. Returns the error that it fails with, or 0. */
static int operation(int is_write) {
    operations++;
    int failing = fail_from && operations >= fail_from && operations < fail_from + fail_count;
    return failing && (is_write || fail_error == EIO) ? fail_error : 0;
}

static int dies_here(void) { return die_at && operations == die_at; }

static ssize_t write_at(struct file *file, int fd, const void *bytes, size_t length, off_t at, int moves) {
    int error = operation(1);
    if (dies_here()) {
        uint64_t when = roll(3);
        if (when == 0) die();
        if (when == 1) length = roll(length + 1); /* torn */
    } else if (error) {
        if (error != ENOSPC || length < 2 || roll(2)) {
            errno = error;
            return -1;
        }
        length = 1 + roll(length - 1); /* some of it still fits */
    }
    ssize_t wrote = moves ? real_write(fd, bytes, length) : real_pwrite(fd, bytes, length, at);
    if (wrote > 0) pend(file, at, bytes, (size_t)wrote);
    if (dies_here()) die();
    return wrote;
}

/* === what the program calls === */

ssize_t write(int fd, const void *bytes, size_t length) {
    struct file *file = of(fd);
    if (!file) return real_write(fd, bytes, length);
    pthread_mutex_lock(&lock);
    ssize_t wrote = write_at(file, fd, bytes, length, lseek(fd, 0, SEEK_CUR), 1);
    pthread_mutex_unlock(&lock);
    return wrote;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    struct file *file = of(fd);
    if (!file) return real_pwrite(fd, bytes, length, at);
    pthread_mutex_lock(&lock);
    ssize_t wrote = write_at(file, fd, bytes, length, at, 0);
    pthread_mutex_unlock(&lock);
    return wrote;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) { return pwrite(fd, bytes, length, at); }

int fsync(int fd) {
    struct file *file = of(fd);
    if (!file) return 0;
    pthread_mutex_lock(&lock);
    int error = operation(0);
    if (dies_here() && roll(2)) die();
    settle(file, !error);
    if (dies_here()) die();
    pthread_mutex_unlock(&lock);
    if (error) errno = error;
    return error ? -1 : 0;
}

int fdatasync(int fd) { return fsync(fd); }

int ftruncate(int fd, off_t length) {
    struct file *file = of(fd);
    if (!file) return real_ftruncate(fd, length);
    pthread_mutex_lock(&lock);
    int error = operation(1);
    if (dies_here() && roll(2)) die();
    int result = -1;
    if (error)
        errno = error;
    else {
        result = real_ftruncate(fd, length);
        if (result == 0) pend(file, length, NULL, 0);
    }
    if (dies_here()) die();
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate64(int fd, off_t length) { return ftruncate(fd, length); }

static int opening(const char *path, int flags, mode_t mode) {
    if (locked && is_ours(path) && (flags & O_ACCMODE) != O_RDONLY && access(path, F_OK) == 0) {
        errno = EACCES;
        return -1;
    }
    int fd = real_open(path, flags, mode);
    pthread_mutex_lock(&lock);
    opened(path, fd);
    pthread_mutex_unlock(&lock);
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return opening(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return opening(path, flags, mode);
}

int close(int fd) {
    if (of(fd)) {
        pthread_mutex_lock(&lock);
        open_files[fd] = NULL;
        pthread_mutex_unlock(&lock);
    }
    return real_close(fd);
}

int unlink(const char *path) {
    if (!is_ours(path)) return real_unlink(path);
    pthread_mutex_lock(&lock);
    operation(0);
    if (dies_here() && roll(2)) die();
    int result = real_unlink(path);
    for (int index = 0; index < FILES; index++)
        if (files[index] && strcmp(files[index]->path, path) == 0) files[index] = NULL;
    if (dies_here()) die();
    pthread_mutex_unlock(&lock);
    return result;
}
