// SPDX-License-Identifier: GPL-2.0-or-later
/// Making a level's domain. Blocking, any thread.
#pragma once

#include <string>
#include <vector>

#include "hostd/libvirt/hypervisor.h"
#include "hostd/libvirt/libvirt_error.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::hostd {

/// All that a creation needs, owned: it may outlive the call that asked for it.
struct CreateJob {
  struct AssociatedFd {
    const char* group;  ///< the fdgroup in the XML
    UniqueFd fd;
  };
  std::string level;
  std::string xml;
  std::vector<AssociatedFd> fds;
};

/// Checks the spec, looks whether what it names is there, duplicates the descriptors.
/// kInvalid, kNotFound.
Result<CreateJob> PrepareCreate(const DomainSpec& spec);

/// Errors as Hypervisor::CreatePaused, kOutcomeUnknown excepted.
///
/// libvirt takes descriptors for a domain that exists only (virDomainFDAssociate), and a transient
/// one exists only when it runs. So the domain is defined, started and undefined again: from then
/// on it is transient. If we die in between, UndefineLeftovers finds the definition.
Status CreateDomain(virConnectPtr connection, const CreateJob& job);

}  // namespace bulkhead::hostd
