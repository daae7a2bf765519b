// SPDX-License-Identifier: GPL-2.0-or-later
/// A level's writable disk: a raw image that QEMU gets as an open descriptor. A persistent one is
/// `level_dir`/state.raw, one that is made anew at each start is `level_dir`/scratch.raw: a level
/// that becomes ephemeral by a change of its spec does not lose what it had.
///
/// Owner and mode. hostd makes it 0660 with its own uid and gid, which nobody else has. If libvirt
/// hands the file to the level (LevelUid:LevelUid), hostd still opens it, for it is in every
/// level's group, and the level's QEMU could open it already. The folder stays hostd's: nobody else
/// can put another file or a symlink there.
///
/// Locks. QEMU takes its image locks (OFD locks on bytes from 100 on) through the descriptor that
/// it gets. We take none: a lock of ours would live as long as QEMU's copy of the descriptor and
/// mean nothing to QEMU. We only ask whether somebody else has one, and then keep our hands off the
/// disk.
///
/// Content. A new disk is blank (the guest formats it), and its blocks are reserved before QEMU
/// runs, so that a full host disk is an error here and not one inside the guest. A persistent disk
/// is never shrunk, emptied or replaced: what cannot be opened is an error that says what a person
/// can do.
#pragma once

#include <cstdint>
#include <string>

#include "vmspec/base/error.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::hostd {

/// Where the disk lies.
std::string StateDiskPath(const std::string& level_dir, bool persistent);

/// Opens the disk (O_RDWR, CLOEXEC), made, grown or made anew as needed. Any thread; not at
/// the same time for one `level_dir`. Takes long when the file system cannot reserve blocks.
///
/// @param level_dir   made 0711 when missing; its parent must be there.
/// @param size_mib    16..1048576.
/// @param persistent  false: the scratch disk that was there is removed and a blank one made.
///
/// Errors; a persistent disk is as it was:
///   kLimit     no room on the host; the message says how much is needed and free.
///   kInvalid   the disk is larger than `size_mib`, or size_mib is out of range.
///   kBusy      a QEMU has it.
///   kConflict  a symlink, a folder, or a file with a second name is in its place; the folder is
///   not
///              hostd's.
///   kPermission  it belongs to somebody from whom hostd cannot read it.
Result<UniqueFd> OpenStateDisk(const std::string& level_dir, std::uint32_t size_mib,
                               bool persistent);

/// Removes the scratch disk, so that nothing of a run is left. One that is not there is fine. The
/// persistent disk, of a time when the level had one, stays. Nobody may use the disk any more.
Status RemoveScratchDisk(const std::string& level_dir);

}  // namespace bulkhead::hostd
