// SPDX-License-Identifier: GPL-2.0-or-later
/// What superd does to the machine itself before it starts anything.
#pragma once

#include <string>
#include <vector>

#include "hostd/super/folders.h"
#include "vmspec/base/error.h"
#include "vmspec/base/paths.h"

namespace bulkhead::super {

/// One folder of our daemons, by its whole path.
struct BaseFolder {
  std::string path;
  Owner owner;
};
/// All of them, outer ones first. What tmpfiles.d of the packages says comes from here.
std::vector<BaseFolder> BaseFolders(const Paths& paths);

/// The run and state folders of all our daemons, with their owners. Sentences about nothing else.
Status MakeBaseFolders(const Paths& paths);

/// Owner and mode of the device nodes that udev would give where no udev runs; only nodes that are
/// still root's alone are touched. Names of the nodes changed.
std::vector<std::string> PrepareDevices(const std::string& dev = "/dev");
/// The same for one node that has just appeared in /dev ("loop8").
bool PrepareDevice(const std::string& dev, const std::string& node);
/// The rights of `node` let `user` of the machine read and write it. False when either is missing.
bool MayUse(const std::string& user, const std::string& node);
/// A udev runs: device nodes are its business.
bool UdevRuns();

/// QEMU of each of these levels (by uid), and nobody else because of us, may use KVM: its uid is in
/// no group, and libvirt copies a node's access list into QEMU's own /dev. Nothing happens where
/// there is no KVM.
Status LetUseKvm(const std::vector<uid_t>& levels, const std::string& node = "/dev/kvm");

/// QEMU of a level, with its own uid, must pass through libvirt's folder. The mode it had is kept
/// in run/super/libvirt-qemu-mode for `./try --purge`. Nothing happens where the folder is missing.
Status OpenLibvirtFolder(const Paths& paths, const std::string& folder = "/var/lib/libvirt/qemu");

/// Gives up for good what neither superd nor anything it starts needs.
Status DropCapabilities();

}  // namespace bulkhead::super
