// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/libvirt/create.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "hostd/libvirt/domain_xml.h"
#include "hostd/libvirt/domains.h"

namespace bulkhead::hostd {

namespace {

/// Undefines what it owns when it goes: whatever happens, nothing of a level stays on the disk.
class Definition {
 public:
  explicit Definition(DomainPtr domain) : domain_(std::move(domain)) {}
  Definition(const Definition&) = delete;
  Definition& operator=(const Definition&) = delete;
  ~Definition() {
    if (domain_) virDomainUndefine(domain_.get());
  }
  virDomainPtr get() const { return domain_.get(); }
  /// Undefines now and says whether it worked.
  bool End() {
    DomainPtr domain = std::move(domain_);
    return virDomainUndefine(domain.get()) == 0;
  }

 private:
  DomainPtr domain_;
};

/// Absent for certain: a folder that we may not search is libvirtd's to judge, which is root.
bool IsAbsent(const std::string& path) {
  struct stat s{};
  return ::stat(path.c_str(), &s) != 0 && errno == ENOENT;
}

Status Present(const std::string& what, const std::string& path) {
  if (!IsAbsent(path)) return {};
  return Fail(ErrorCode::kNotFound, what + " " + path + " does not exist");
}

Status PresentFolder(const std::string& socket) {
  return Present("the folder of a channel,", socket.substr(0, socket.rfind('/') + 1));
}

Status CheckPresent(const DomainSpec& spec) {
  if (auto s = Present("kernel", spec.kernel); !s) return s;
  if (auto s = spec.initrd.empty() ? Status() : Present("initrd", spec.initrd); !s) return s;
  if (auto s = PresentFolder(spec.console_socket); !s) return s;
  for (const Channel& c : spec.channels) {
    if (auto s = PresentFolder(c.socket_path); !s) return s;
  }
  // The tap lies in libvirt's network namespace, which hostd need not be in; libvirt looks itself.
  return {};
}

Status AddFd(CreateJob& job, const char* group, const DiskImage& image) {
  if (!image.HandedOver()) return Present("disk", image.path);
  if (!image.fd) return Fail(ErrorCode::kInvalid, "disk " + image.path + " is not open");
  UniqueFd copy(::fcntl(image.fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy) return FailErrno("duplicate the descriptor of " + image.path);
  job.fds.push_back({group, std::move(copy)});
  return {};
}

/// A definition of ours that a cut-off start has left is taken away; anything else is in the way.
Status CheckFree(virConnectPtr connection, const std::string& level) {
  auto found = LookUp(connection, level);
  if (!found) return Propagate(found);
  if (!found->domain) return {};
  if (!found->facts) return FailForeign(level);
  if (virDomainIsActive(found->domain.get()) == 0) {
    return virDomainUndefine(found->domain.get()) == 0 ? Status() : FailLibvirt("undefine");
  }
  return Fail(ErrorCode::kExists, "level " + level + " has a virtual machine already");
}

Status Associate(virDomainPtr domain, const CreateJob& job) {
  for (const auto& associated : job.fds) {
    int fd = associated.fd.get();
    if (virDomainFDAssociate(domain, associated.group, 1, &fd, 0) != 0) {
      return FailLibvirt(std::string("hand over the descriptor of disk ") + associated.group);
    }
  }
  return {};
}

Status Start(Definition& definition, const CreateJob& job) {
  if (auto s = Associate(definition.get(), job); !s) return s;
  if (virDomainCreateWithFlags(definition.get(), VIR_DOMAIN_START_PAUSED) != 0) {
    return FailLibvirt("start the virtual machine of level " + job.level);
  }
  return {};
}

}  // namespace

Result<CreateJob> PrepareCreate(const DomainSpec& spec) {
  auto xml = BuildDomainXml(spec);
  if (!xml) return Propagate(xml);
  if (auto s = CheckPresent(spec); !s) return Propagate(s, "level " + spec.level);
  CreateJob job{spec.level, std::move(*xml), {}};
  if (auto s = AddFd(job, kRootFdGroup, spec.root); !s) return Propagate(s);
  if (auto s = spec.state ? AddFd(job, kStateFdGroup, *spec.state) : Status(); !s)
    return Propagate(s);
  return job;
}

Status CreateDomain(virConnectPtr connection, const CreateJob& job) {
  if (auto s = CheckFree(connection, job.level); !s) return s;
  DomainPtr domain(
      virDomainDefineXMLFlags(connection, job.xml.c_str(), VIR_DOMAIN_DEFINE_VALIDATE));
  if (!domain) return FailLibvirt("define the virtual machine of level " + job.level);
  Definition definition(std::move(domain));
  if (auto s = Start(definition, job); !s) return s;
  DomainPtr running(virDomainLookupByName(connection, DomainName(job.level).c_str()));
  if (definition.End()) return {};
  auto failed = FailLibvirt("make the virtual machine of level " + job.level + " transient");
  if (running) virDomainDestroy(running.get());
  return failed;
}

}  // namespace bulkhead::hostd
