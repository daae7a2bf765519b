// SPDX-License-Identifier: GPL-2.0-or-later
/// The stable codes of the diagnostics. A code keeps its meaning for ever and is never used again
/// for another fault; docs/spec-reference.md explains each (a test holds the two together).
#pragma once

namespace bulkhead::vmspec::codes {

// B00xx: files
inline constexpr char kSyntax[] = "B0001";
inline constexpr char kUnknownFile[] = "B0002";
inline constexpr char kTooLarge[] = "B0003";
inline constexpr char kTooDeep[] = "B0004";
inline constexpr char kFileName[] = "B0005";
inline constexpr char kNoLevels[] = "B0006";
inline constexpr char kTooManyFaults[] = "B0099";
// B01xx: keys and values
inline constexpr char kMissingKey[] = "B0101";
inline constexpr char kUnknownKey[] = "B0102";
inline constexpr char kWrongType[] = "B0103";
inline constexpr char kRange[] = "B0104";
inline constexpr char kUnknownWord[] = "B0105";
inline constexpr char kBadName[] = "B0106";
inline constexpr char kBadText[] = "B0107";
inline constexpr char kBadSize[] = "B0108";
inline constexpr char kBadPrefix[] = "B0109";
inline constexpr char kBadPort[] = "B0110";
inline constexpr char kExclusiveKeys[] = "B0111";
inline constexpr char kSchema[] = "B0112";
inline constexpr char kDuplicate[] = "B0113";
inline constexpr char kBadInterface[] = "B0114";
inline constexpr char kNotYet[] = "B0115";
inline constexpr char kBadColour[] = "B0116";
inline constexpr char kTooMany[] = "B0117";
inline constexpr char kBadPool[] = "B0118";
inline constexpr char kBadPath[] = "B0119";
inline constexpr char kBadDuration[] = "B0120";
inline constexpr char kBadForm[] = "B0121";
inline constexpr char kDoesNotApply[] = "B0122";
inline constexpr char kBadRate[] = "B0123";
inline constexpr char kRequiresKey[] = "B0124";
// B02xx: references
inline constexpr char kUnknownLevel[] = "B0201";
inline constexpr char kUnknownUplink[] = "B0202";
inline constexpr char kFlowToItself[] = "B0203";
inline constexpr char kAllowWithoutUplink[] = "B0204";
inline constexpr char kSharedInterface[] = "B0205";
inline constexpr char kPoolTooSmall[] = "B0206";
inline constexpr char kUnknownReference[] = "B0207";
inline constexpr char kTemplateCycle[] = "B0208";
inline constexpr char kHostLimit[] = "B0209";
inline constexpr char kApprovers[] = "B0210";
// B03xx: information against the lattice
inline constexpr char kFlowAgainstLattice[] = "B0301";
inline constexpr char kMediumAgainstLattice[] = "B0302";
inline constexpr char kLeavesByUplink[] = "B0303";
inline constexpr char kEntersByUplink[] = "B0304";
inline constexpr char kServiceAgainstLattice[] = "B0305";
inline constexpr char kClipboardAgainstLattice[] = "B0306";
inline constexpr char kDeviceAgainstLattice[] = "B0307";
inline constexpr char kTokenAgainstLattice[] = "B0308";
inline constexpr char kOpenedAgainstLattice[] = "B0309";
inline constexpr char kRouteAgainstLattice[] = "B0310";
inline constexpr char kLabelledDevice[] = "B0311";
inline constexpr char kNeedlessDowngrade[] = "B0312";

}  // namespace bulkhead::vmspec::codes
