// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/audit/audit_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "hostd/audit/audit_file.h"
#include "vmspec/base/clock.h"
#include "vmspec/base/file.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::hostd {

namespace {

/// So much is checked when the daemon starts: about 0.3 s.
constexpr std::uint64_t kCheckedAtOpen = 64UL << 20;
constexpr std::size_t kMostTailLines = 10'000;
constexpr std::size_t kMostTailBytes = 16UL << 20;
constexpr std::size_t kMostWord = 256;
constexpr std::size_t kMostDetails = 64;

std::string FolderOf(const std::string& path) {
  auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::unexpected<Error> Broken(const std::string& path, const std::string& why) {
  return Fail(
      ErrorCode::kCorrupt,
      "the audit log " + path + " is broken: " + why +
          "; nothing is started on it. Find out who changed it, move it away as evidence (mv " +
          path + " " + path + ".broken), and a new log begins at the next start");
}

/// The file alone in our hands. Made durably when missing.
Result<UniqueFd> OpenAlone(const std::string& path) {
  UniqueFd fd(::open(path.c_str(),
                     O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                     0600));
  if (!fd && errno == ELOOP) return Broken(path, "a symbolic link is in its place");
  if (!fd) return FailErrno("open the audit log " + path);
  struct stat now{};
  if (::fstat(fd.get(), &now) != 0) return FailErrno("stat " + path);
  if (!S_ISREG(now.st_mode)) return Broken(path, "it is no regular file");
  if (now.st_nlink != 1) return Broken(path, "it has a second name");
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return FailErrno("lock " + path);
    return Fail(ErrorCode::kBusy, "another process writes the audit log " + path +
                                      ": a bulkhead-hostd is running already");
  }
  if (auto s = SyncDirectory(FolderOf(path)); !s) return Propagate(s);
  return fd;
}

/// What follows the last newline is the begin of record `seq`, or zeros where a file system had
/// grown the file before the data came. Anything else was no power cut: it must not be cut off.
Status CheckTorn(int fd, std::uint64_t from, std::uint64_t end, std::uint64_t seq) {
  auto torn = ReadAuditBytes(fd, from, end - from);
  if (!torn) return Propagate(torn);
  std::string head = "{\"seq\":" + std::to_string(seq) + ",\"time\":\"";
  torn->resize(torn->find_last_not_of('\0') + 1);
  std::size_t size = std::min(head.size(), torn->size());
  // Quotes in a text are escaped: only records that lost their newlines hold this.
  bool several = torn->contains("\"}{\"");
  if (torn->compare(0, size, head, 0, size) == 0 && !several) return {};
  return Fail(ErrorCode::kCorrupt,
              "what follows line " + std::to_string(seq - 1) + " is no record");
}

bool IsNoRoom(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

/// Bounds every text, so that a line is always shorter than kMaxAuditLine.
AuditRecord Bounded(std::string_view actor, std::string_view action, std::string_view subject,
                    std::string_view outcome, AuditDetail detail) {
  if (detail.size() > kMostDetails) detail.resize(kMostDetails);
  for (auto& pair : detail) pair.first = Printable(pair.first, kMostWord);
  AuditRecord record;
  record.actor = Printable(actor, kMostWord);
  record.action = Printable(action, kMostWord);
  record.subject = Printable(subject, kMostWord);
  record.outcome = Printable(outcome, kMostWord);
  record.detail = std::move(detail);
  return record;
}

}  // namespace

AuditLog::AuditLog(std::string path, UniqueFd fd, Head head)
    : path_(std::move(path)), fd_(std::move(fd)), head_(head) {}

Result<std::unique_ptr<AuditLog>> AuditLog::Open(const std::string& path) {
  auto fd = OpenAlone(path);
  if (!fd) return Propagate(fd);
  off_t size = ::lseek(fd->get(), 0, SEEK_END);
  if (size < 0) return FailErrno("seek " + path);
  auto end = static_cast<std::uint64_t>(size);
  auto good = EndOfLastLine(fd->get(), end);
  if (!good)
    return good.error().code == ErrorCode::kCorrupt ? Broken(path, good.error().message)
                                                    : Propagate(good);
  auto verdict = VerifyAuditEnd(fd->get(), *good, kCheckedAtOpen);
  if (!verdict)
    return verdict.error().code == ErrorCode::kCorrupt ? Broken(path, verdict.error().message)
                                                       : Propagate(verdict);
  if (verdict->bad_line != 0) {
    return Broken(path, "line " + std::to_string(verdict->bad_line) + ": " + verdict->reason);
  }
  if (auto s = CheckTorn(fd->get(), *good, end, verdict->records + 1); !s) {
    return s.error().code == ErrorCode::kCorrupt ? Broken(path, s.error().message) : Propagate(s);
  }
  Head head{*good, verdict->records, verdict->last};
  std::unique_ptr<AuditLog> log(new AuditLog(path, std::move(*fd), head));
  if (*good != end) {
    if (auto s = log->CutTornTail(end - *good); !s) return Propagate(s);
  }
  return log;
}

Status AuditLog::CutTornTail(std::uint64_t torn_bytes) {
  // The record comes only after the cut is durable, or a second power cut could join the two.
  if (::ftruncate(fd_.get(), static_cast<off_t>(head_.bytes)) != 0 || ::fsync(fd_.get()) != 0) {
    return FailErrno("cut the torn last line off " + path_);
  }
  return Append("hostd", "audit.repaired", "audit.log", "done",
                {{"reason", "the last line was torn, as by a power cut: it was never acknowledged"},
                 {"bytes", std::to_string(torn_bytes)}});
}

Status AuditLog::Append(std::string_view actor, std::string_view action, std::string_view subject,
                        std::string_view outcome, AuditDetail detail) {
  Waiting mine{Bounded(actor, action, subject, outcome, std::move(detail)), {}, false};
  std::unique_lock lock(mutex_);
  queue_.push_back(&mine);
  while (!mine.finished) {
    if (committing_) {
      progress_.wait(lock);
    } else {
      Lead(lock);
    }
  }
  return mine.status;
}

/// Commits what waits, the caller's record among it.
void AuditLog::Lead(std::unique_lock<std::mutex>& lock) {
  committing_ = true;
  std::vector<Waiting*> batch = std::exchange(queue_, {});
  Head head = head_;
  Status before = broken_;
  lock.unlock();
  Result<Head> after = before ? Commit(batch, head) : Propagate(before);
  lock.lock();
  if (after) {
    head_ = *after;
  } else if (after.error().code != ErrorCode::kLimit) {
    broken_ = std::unexpected(after.error());
  }
  for (Waiting* w : batch) {
    if (!after) w->status = std::unexpected(after.error());
    w->finished = true;
  }
  committing_ = false;
  progress_.notify_all();
}

Result<AuditLog::Head> AuditLog::Commit(const std::vector<Waiting*>& batch, Head head) {
  if (auto s = CheckUnchanged(head); !s) return Propagate(s);
  Head after = head;
  std::string text;
  for (Waiting* w : batch) {
    w->record.seq = ++after.seq;
    w->record.time_us = UnixUs();
    ChainedLine line = ChainRecord(w->record, after.hash);
    text += line.line + "\n";
    after.hash = line.hash;
  }
  after.bytes += text.size();
  if (auto s = WriteFully(fd_.get(), text.data(), text.size()); !s)
    return TakeBack(head, s.error());
  if (::fdatasync(fd_.get()) != 0) {
    int error = errno;
    Error failure = FailErrno("sync the audit log", error).error();
    // After any other error the kernel may have dropped the pages: what is on the disk is unknown.
    if (!IsNoRoom(error)) return std::unexpected(failure);
    return TakeBack(head, failure);
  }
  return after;
}

/// Takes back what a failed write left after `head`, and returns the error to report.
std::unexpected<Error> AuditLog::TakeBack(const Head& head, const Error& why) {
  if (::ftruncate(fd_.get(), static_cast<off_t>(head.bytes)) != 0) {
    return FailErrno("take a half-written record out of " + path_);
  }
  if (!IsNoRoom(why.sys_errno)) return std::unexpected(why);
  return std::unexpected(Error{
      ErrorCode::kLimit,
      "the audit log " + path_ + " cannot grow, so nothing more is allowed: free space on its disk",
      why.sys_errno});
}

/// The file is still the one we wrote, and ends where we left it.
Status AuditLog::CheckUnchanged(const Head& head) const {
  struct stat ours{};
  struct stat named{};
  if (::fstat(fd_.get(), &ours) != 0) return FailErrno("stat the audit log");
  bool there = ::lstat(path_.c_str(), &named) == 0 && named.st_dev == ours.st_dev &&
               named.st_ino == ours.st_ino && ours.st_nlink == 1;
  if (!there) return Broken(path_, "it was moved, replaced or removed while in use");
  if (static_cast<std::uint64_t>(ours.st_size) != head.bytes) {
    return Broken(path_, "somebody else wrote to it or cut it while in use");
  }
  return {};
}

Result<std::vector<std::string>> AuditLog::Tail(std::size_t n) const {
  std::unique_lock lock(mutex_);
  std::uint64_t end = head_.bytes;
  lock.unlock();
  return LastLines(fd_.get(), end, std::min(n, kMostTailLines), kMostTailBytes);
}

Result<AuditVerdict> AuditLog::Verify() const {
  std::unique_lock lock(mutex_);
  Head head = head_;
  lock.unlock();
  auto verdict = VerifyAuditFile(fd_.get(), head.bytes);
  if (!verdict || verdict->bad_line != 0) return verdict;
  // A log that was exchanged for another one with a good chain is still not the one we wrote.
  if (verdict->records != head.seq || verdict->last != head.hash || verdict->torn_tail) {
    verdict->bad_line = verdict->records;
    verdict->reason = "it is not the last record that was written";
  }
  return verdict;
}

Sha256Digest AuditLog::LastHash() const {
  std::scoped_lock lock(mutex_);
  return head_.hash;
}

std::uint64_t AuditLog::LastSeq() const {
  std::scoped_lock lock(mutex_);
  return head_.seq;
}

}  // namespace bulkhead::hostd
