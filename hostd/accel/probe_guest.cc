// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/accel/probe_guest.h"

#include <algorithm>
#include <vector>

namespace bulkhead::hostd {

namespace {

constexpr std::size_t kRomBytes = 65536;
constexpr std::size_t kChallengeAt = 0x160;
constexpr std::size_t kResetVectorAt = 0xFFF0;
constexpr std::uint32_t kPages = 8192;
constexpr std::uint64_t kFnvBasis = 0xcbf29ce484222325;
constexpr std::uint64_t kFnvPrime = 0x100000001b3;

// clang-format off
/// The guest. Right: address and instruction (AT&T order: source, destination).
constexpr std::uint8_t kCode[] = {
    // Real mode. CS base is 0xFFFF0000, so address 0 is the ROM's first byte.
    0xfa,                                                       // 000  cli
    0x2e, 0x66, 0x0f, 0x01, 0x16, 0x48, 0x01,                   // 001  lgdtl cs:0x148
    0x0f, 0x20, 0xc0,                                           // 008  mov cr0,eax
    0x0c, 0x01,                                                 // 00b  or $0x1,al
    0x0f, 0x22, 0xc0,                                           // 00d  mov eax,cr0
    0x66, 0xea, 0x18, 0x00, 0xff, 0xff, 0x08, 0x00,             // 010  ljmpl $0x8,$0xffff0018
    // Protected mode, still in the ROM: flat segments, then page tables at 0x1000 (one level each),
    // which map the first GiB by pages of 2 MiB.
    0x66, 0xb8, 0x10, 0x00,                                     // 018  mov $0x10,ax
    0x8e, 0xd8,                                                 // 01c  mov eax,ds
    0x8e, 0xc0,                                                 // 01e  mov eax,es
    0x8e, 0xd0,                                                 // 020  mov eax,ss
    0xbf, 0x00, 0x10, 0x00, 0x00,                               // 022  mov $0x1000,edi
    0x31, 0xc0,                                                 // 027  xor eax,eax
    0xb9, 0x00, 0x0c, 0x00, 0x00,                               // 029  mov $0xc00,ecx
    0xfc,                                                       // 02e  cld
    0xf3, 0xab,                                                 // 02f  rep stos eax,es:(edi)
    0xc7, 0x05, 0x00, 0x10, 0x00, 0x00, 0x03, 0x20, 0x00, 0x00, // 031  movl $0x2003,0x1000
    0xc7, 0x05, 0x00, 0x20, 0x00, 0x00, 0x03, 0x30, 0x00, 0x00, // 03b  movl $0x3003,0x2000
    0xbf, 0x00, 0x30, 0x00, 0x00,                               // 045  mov $0x3000,edi
    0xb8, 0x83, 0x00, 0x00, 0x00,                               // 04a  mov $0x83,eax
    0xb9, 0x00, 0x02, 0x00, 0x00,                               // 04f  mov $0x200,ecx
    0x89, 0x07,                                                 // 054  mov eax,(edi)
    0x05, 0x00, 0x00, 0x20, 0x00,                               // 056  add $0x200000,eax
    0x83, 0xc7, 0x08,                                           // 05b  add $0x8,edi
    0xe2, 0xf4,                                                 // 05e  loop 0x54
    // Copies these bytes and the challenge to 0x8000 and goes on there.
    0xbe, 0x00, 0x00, 0xff, 0xff,                               // 060  mov $0xffff0000,esi
    0xbf, 0x00, 0x80, 0x00, 0x00,                               // 065  mov $0x8000,edi
    0xb9, 0x80, 0x00, 0x00, 0x00,                               // 06a  mov $0x80,ecx
    0xf3, 0xa5,                                                 // 06f  rep movsl ds:(esi),es:(edi)
    0xea, 0x78, 0x80, 0x00, 0x00, 0x08, 0x00,                   // 071  ljmp $0x8,$0x8078
    // PAE, page tables, long mode, paging and caches on.
    0x0f, 0x01, 0x15, 0x4e, 0x81, 0x00, 0x00,                   // 078  lgdtl 0x814e
    0x0f, 0x20, 0xe0,                                           // 07f  mov cr4,eax
    0x0c, 0x20,                                                 // 082  or $0x20,al
    0x0f, 0x22, 0xe0,                                           // 084  mov eax,cr4
    0xb8, 0x00, 0x10, 0x00, 0x00,                               // 087  mov $0x1000,eax
    0x0f, 0x22, 0xd8,                                           // 08c  mov eax,cr3
    0xb9, 0x80, 0x00, 0x00, 0xc0,                               // 08f  mov $0xc0000080,ecx
    0x0f, 0x32,                                                 // 094  rdmsr
    0x80, 0xcc, 0x01,                                           // 096  or $0x1,ah
    0x0f, 0x30,                                                 // 099  wrmsr
    0xb8, 0x11, 0x00, 0x00, 0x80,                               // 09b  mov $0x80000011,eax
    0x0f, 0x22, 0xc0,                                           // 0a0  mov eax,cr0
    0xea, 0xaa, 0x80, 0x00, 0x00, 0x18, 0x00,                   // 0a3  ljmp $0x18,$0x80aa
    // Long mode. FNV-1a (64 bit) of the challenge.
    0xbe, 0x60, 0x81, 0x00, 0x00,                               // 0aa  mov $0x8160,esi
    0xb9, 0x20, 0x00, 0x00, 0x00,                               // 0af  mov $0x20,ecx
    0x48, 0xb8, 0x25, 0x23, 0x22, 0x84, 0xe4, 0x9c, 0xf2, 0xcb, // 0b4  movabs $0xcbf29ce484222325,rax
    0x48, 0xbf, 0xb3, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, // 0be  movabs $0x100000001b3,rdi
    0x32, 0x06,                                                 // 0c8  xor (rsi),al
    0x48, 0xf7, 0xe7,                                           // 0ca  mul rdi
    0xff, 0xc6,                                                 // 0cd  inc esi
    0xe2, 0xf7,                                                 // 0cf  loop 0xc8
    // Executes 2^27 jumps.
    0x48, 0x89, 0xc3,                                           // 0d1  mov rax,rbx
    0xb9, 0x00, 0x00, 0x00, 0x08,                               // 0d4  mov $0x8000000,ecx
    0xe2, 0xfe,                                                 // 0d9  loop 0xd9
    // Writes a different value to each of 8192 pages from 2 MiB on.
    0xbe, 0x00, 0x00, 0x20, 0x00,                               // 0db  mov $0x200000,esi
    0xb9, 0x00, 0x20, 0x00, 0x00,                               // 0e0  mov $0x2000,ecx
    0x48, 0x89, 0x1e,                                           // 0e5  mov rbx,(rsi)
    0x48, 0x01, 0xfb,                                           // 0e8  add rdi,rbx
    0x81, 0xc6, 0x00, 0x10, 0x00, 0x00,                         // 0eb  add $0x1000,esi
    0xe2, 0xf2,                                                 // 0f1  loop 0xe5
    // Folds all of them into the hash, as read back.
    0xbe, 0x00, 0x00, 0x20, 0x00,                               // 0f3  mov $0x200000,esi
    0xb9, 0x00, 0x20, 0x00, 0x00,                               // 0f8  mov $0x2000,ecx
    0x48, 0x33, 0x06,                                           // 0fd  xor (rsi),rax
    0x48, 0xf7, 0xe7,                                           // 100  mul rdi
    0x81, 0xc6, 0x00, 0x10, 0x00, 0x00,                         // 103  add $0x1000,esi
    0xe2, 0xf2,                                                 // 109  loop 0xfd
    // The hash, lowest byte first, to the debug port; then the end.
    0xb9, 0x08, 0x00, 0x00, 0x00,                               // 10b  mov $0x8,ecx
    0x48, 0x89, 0xc3,                                           // 110  mov rax,rbx
    0x88, 0xd8,                                                 // 113  mov bl,al
    0xe6, 0xe9,                                                 // 115  out al,$0xe9
    0x48, 0xc1, 0xeb, 0x08,                                     // 117  shr $0x8,rbx
    0xe2, 0xf6,                                                 // 11b  loop 0x113
    0x66, 0xba, 0x01, 0x05,                                     // 11d  mov $0x501,dx
    0xb0, 0x21,                                                 // 121  mov $0x21,al
    0xee,                                                       // 123  out al,(dx)
    0xf4,                                                       // 124  hlt
    0xeb, 0xfd,                                                 // 125  jmp 0x124
    0x90,                                                       // 127  (to the next multiple of 8)
    // The segments: none, 32-bit code, data, 64-bit code.
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,             // 128
    0xff, 0xff, 0x00, 0x00, 0x00, 0x9a, 0xcf, 0x00,             // 130
    0xff, 0xff, 0x00, 0x00, 0x00, 0x92, 0xcf, 0x00,             // 138
    0xff, 0xff, 0x00, 0x00, 0x00, 0x9a, 0xaf, 0x00,             // 140
    // GDT register: as seen in the ROM, as seen in memory.
    0x1f, 0x00, 0x28, 0x01, 0xff, 0xff,                         // 148
    0x1f, 0x00, 0x28, 0x81, 0x00, 0x00,                         // 14e
};
// clang-format on
static_assert(sizeof kCode <= kChallengeAt);

/// jmp to address 0: -(0xFFF0 + 3) as 16 bits.
constexpr std::uint8_t kResetVector[] = {0xe9, 0x0d, 0x00};

}  // namespace

Bytes ProbeRom(const ProbeChallenge& challenge) {
  Bytes rom(kRomBytes);
  std::ranges::copy(kCode, rom.begin());
  std::ranges::copy(challenge, rom.begin() + kChallengeAt);
  std::ranges::copy(kResetVector, rom.begin() + kResetVectorAt);
  return rom;
}

std::array<std::uint8_t, 8> ProbeAnswer(const ProbeChallenge& challenge) {
  std::uint64_t hash = kFnvBasis;
  for (std::uint8_t byte : challenge) hash = (hash ^ byte) * kFnvPrime;
  std::uint64_t written = hash;
  for (std::uint32_t i = 0; i < kPages; ++i, written += kFnvPrime) {
    hash = (hash ^ written) * kFnvPrime;
  }
  std::array<std::uint8_t, 8> answer{};
  for (std::size_t i = 0; i < answer.size(); ++i) {
    answer[i] = static_cast<std::uint8_t>(hash >> (8 * i));
  }
  return answer;
}

}  // namespace bulkhead::hostd
