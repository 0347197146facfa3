/* See flags.h. Values are those of the system's headers; what these lack on some system that we build on
 * is given as a number. */
#include "rt/flags.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/quota.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ENTRY(mask, value, text) {(uint32_t)(mask), (uint32_t)(value), sizeof(text) - 1, text}
#define B(name) ENTRY(name, name, #name)	     /* all bits of it */
#define F(value, name) ENTRY(value, value, #name) /* the same by number */
#define M(mask, name) ENTRY(mask, name, #name)	     /* the value of a field */
#define E(name) ENTRY(0xffffffff, name, #name)	     /* a number */
#define V(value, name) ENTRY(0xffffffff, value, #name)

static const struct rt_flag open_flags[] = {
	M(O_ACCMODE, O_RDONLY), M(O_ACCMODE, O_WRONLY), M(O_ACCMODE, O_RDWR),
	ENTRY(3, 3, "O_RDWR|O_WRONLY"),
	B(O_CREAT), B(O_EXCL), B(O_NOCTTY), B(O_TRUNC), B(O_APPEND), B(O_NONBLOCK), B(O_SYNC), B(O_DSYNC),
	B(O_ASYNC), B(O_DIRECT), F(0100000, O_LARGEFILE), F(020200000, O_TMPFILE), B(O_DIRECTORY),
	B(O_NOFOLLOW), F(01000000, O_NOATIME), B(O_CLOEXEC), F(010000000, O_PATH),
};
static const struct rt_flag open_cloexec_flags[] = {B(O_CLOEXEC)};
static const struct rt_flag pipe_flags[] = {B(O_NONBLOCK), B(O_CLOEXEC), B(O_DIRECT), F(0200, O_NOTIFICATION_PIPE)};
static const struct rt_flag close_range_flags[] = {F(2, CLOSE_RANGE_UNSHARE), F(4, CLOSE_RANGE_CLOEXEC)};
static const struct rt_flag at_flags[] = {
	F(0x100, AT_SYMLINK_NOFOLLOW), F(0x200, AT_REMOVEDIR), F(0x400, AT_SYMLINK_FOLLOW),
	F(0x800, AT_NO_AUTOMOUNT), F(0x1000, AT_EMPTY_PATH), F(0x2000, AT_STATX_FORCE_SYNC),
	F(0x4000, AT_STATX_DONT_SYNC), F(0x8000, AT_RECURSIVE),
};
static const struct rt_flag statx_flags_flags[] = {
	V(0, AT_STATX_SYNC_AS_STAT), F(0x100, AT_SYMLINK_NOFOLLOW), F(0x800, AT_NO_AUTOMOUNT),
	F(0x1000, AT_EMPTY_PATH), F(0x2000, AT_STATX_FORCE_SYNC), F(0x4000, AT_STATX_DONT_SYNC),
};
static const struct rt_flag statx_mask_flags[] = {
	F(0xfff, STATX_ALL), F(0x7ff, STATX_BASIC_STATS), F(1, STATX_TYPE), F(2, STATX_MODE),
	F(4, STATX_NLINK), F(8, STATX_UID), F(0x10, STATX_GID), F(0x20, STATX_ATIME),
	F(0x40, STATX_MTIME), F(0x80, STATX_CTIME), F(0x100, STATX_INO), F(0x200, STATX_SIZE),
	F(0x400, STATX_BLOCKS), F(0x800, STATX_BTIME), F(0x1000, STATX_MNT_ID),
	F(0x2000, STATX_DIOALIGN),
};
static const struct rt_flag access_flags[] = {V(0, F_OK), B(R_OK), B(W_OK), B(X_OK)};
static const struct rt_flag mode_flags[] = {
	M(S_IFMT, S_IFREG), M(S_IFMT, S_IFDIR), M(S_IFMT, S_IFCHR), M(S_IFMT, S_IFBLK),
	M(S_IFMT, S_IFIFO), M(S_IFMT, S_IFLNK), M(S_IFMT, S_IFSOCK),
	B(S_ISUID), B(S_ISGID), B(S_ISVTX), B(S_IRWXU), B(S_IRUSR), B(S_IWUSR), B(S_IXUSR), B(S_IRWXG),
	B(S_IRGRP), B(S_IWGRP), B(S_IXGRP), B(S_IRWXO), B(S_IROTH), B(S_IWOTH), B(S_IXOTH),
};
static const struct rt_flag seek_flags[] = {E(SEEK_SET), E(SEEK_CUR), E(SEEK_END), V(3, SEEK_DATA), V(4, SEEK_HOLE)};
static const struct rt_flag rwf_flags[] = {
	F(1, RWF_HIPRI), F(2, RWF_DSYNC), F(4, RWF_SYNC), F(8, RWF_NOWAIT), F(16, RWF_APPEND),
};
static const struct rt_flag fcntl_flags[] = {
	E(F_DUPFD), E(F_GETFD), E(F_SETFD), E(F_GETFL), E(F_SETFL), V(5, F_GETLK), V(6, F_SETLK),
	V(7, F_SETLKW), V(8, F_SETOWN), V(9, F_GETOWN), V(10, F_SETSIG), V(11, F_GETSIG),
	V(15, F_SETOWN_EX), V(16, F_GETOWN_EX), V(36, F_OFD_GETLK), V(37, F_OFD_SETLK),
	V(38, F_OFD_SETLKW), V(1024, F_SETLEASE), V(1025, F_GETLEASE), V(1026, F_NOTIFY),
	V(1030, F_DUPFD_CLOEXEC), V(1031, F_SETPIPE_SZ), V(1032, F_GETPIPE_SZ), V(1033, F_ADD_SEALS),
	V(1034, F_GET_SEALS), V(1035, F_GET_RW_HINT), V(1036, F_SET_RW_HINT),
	V(1037, F_GET_FILE_RW_HINT), V(1038, F_SET_FILE_RW_HINT),
};
static const struct rt_flag flock_flags[] = {
	M(15, LOCK_SH), M(15, LOCK_EX), M(15, LOCK_UN), M(11, LOCK_SH), M(11, LOCK_EX), M(11, LOCK_UN),
	B(LOCK_NB),
};
static const struct rt_flag rename_flags[] = {
	F(1, RENAME_NOREPLACE), F(2, RENAME_EXCHANGE), F(4, RENAME_WHITEOUT),
};
static const struct rt_flag sync_file_range_flags[] = {
	F(1, SYNC_FILE_RANGE_WAIT_BEFORE), F(2, SYNC_FILE_RANGE_WRITE), F(4, SYNC_FILE_RANGE_WAIT_AFTER),
};
static const struct rt_flag mount_flags[] = {
	F(0xc0ed0000, MS_MGC_VAL), F(1, MS_RDONLY), F(2, MS_NOSUID), F(4, MS_NODEV), F(8, MS_NOEXEC),
	F(16, MS_SYNCHRONOUS), F(32, MS_REMOUNT), F(64, MS_MANDLOCK), F(128, MS_DIRSYNC),
	F(256, MS_NOSYMFOLLOW), F(1024, MS_NOATIME), F(2048, MS_NODIRATIME), F(4096, MS_BIND),
	F(8192, MS_MOVE), F(16384, MS_REC), F(32768, MS_SILENT), F(1 << 16, MS_POSIXACL),
	F(1 << 17, MS_UNBINDABLE), F(1 << 18, MS_PRIVATE), F(1 << 19, MS_SLAVE), F(1 << 20, MS_SHARED),
	F(1 << 21, MS_RELATIME), F(1 << 22, MS_KERNMOUNT), F(1 << 23, MS_I_VERSION),
	F(1 << 24, MS_STRICTATIME), F(1 << 25, MS_LAZYTIME),
};
static const struct rt_flag umount_flags[] = {
	F(1, MNT_FORCE), F(2, MNT_DETACH), F(4, MNT_EXPIRE), F(8, UMOUNT_NOFOLLOW),
};
static const struct rt_flag swapon_flags[] = {
	F(0x8000, SWAP_FLAG_PREFER), F(0x10000, SWAP_FLAG_DISCARD), F(0x20000, SWAP_FLAG_DISCARD_ONCE),
	F(0x40000, SWAP_FLAG_DISCARD_PAGES),
};
#define QUOTA(number, name) ENTRY(0xffffff00, (uint32_t)(number) << 8, #name)
static const struct rt_flag quota_flags[] = {
	QUOTA(0x800001, Q_SYNC), QUOTA(0x800002, Q_QUOTAON), QUOTA(0x800003, Q_QUOTAOFF),
	QUOTA(0x800004, Q_GETFMT), QUOTA(0x800005, Q_GETINFO), QUOTA(0x800006, Q_SETINFO),
	QUOTA(0x800007, Q_GETQUOTA), QUOTA(0x800008, Q_SETQUOTA), QUOTA(0x800009, Q_GETNEXTQUOTA),
	M(0xff, USRQUOTA), M(0xff, GRPQUOTA), ENTRY(0xff, 2, "PRJQUOTA"),
};
static const struct rt_flag fadvise_flags[] = {
	V(0, POSIX_FADV_NORMAL), V(1, POSIX_FADV_RANDOM), V(2, POSIX_FADV_SEQUENTIAL),
	V(3, POSIX_FADV_WILLNEED), V(4, POSIX_FADV_DONTNEED), V(5, POSIX_FADV_NOREUSE),
};
static const struct rt_flag falloc_flags[] = {
	F(1, FALLOC_FL_KEEP_SIZE), F(2, FALLOC_FL_PUNCH_HOLE), F(4, FALLOC_FL_NO_HIDE_STALE),
	F(8, FALLOC_FL_COLLAPSE_RANGE), F(16, FALLOC_FL_ZERO_RANGE), F(32, FALLOC_FL_INSERT_RANGE),
	F(64, FALLOC_FL_UNSHARE_RANGE),
};
static const struct rt_flag splice_flags[] = {
	F(1, SPLICE_F_MOVE), F(2, SPLICE_F_NONBLOCK), F(4, SPLICE_F_MORE), F(8, SPLICE_F_GIFT),
};
static const struct rt_flag xattr_flags[] = {E(XATTR_CREATE), E(XATTR_REPLACE)};
static const struct rt_flag open_tree_flags[] = {
	F(1, OPEN_TREE_CLONE), B(O_CLOEXEC), F(0x100, AT_SYMLINK_NOFOLLOW), F(0x800, AT_NO_AUTOMOUNT),
	F(0x1000, AT_EMPTY_PATH), F(0x8000, AT_RECURSIVE),
};
static const struct rt_flag move_mount_flags[] = {
	F(1, MOVE_MOUNT_F_SYMLINKS), F(2, MOVE_MOUNT_F_AUTOMOUNTS), F(4, MOVE_MOUNT_F_EMPTY_PATH),
	F(0x10, MOVE_MOUNT_T_SYMLINKS), F(0x20, MOVE_MOUNT_T_AUTOMOUNTS),
	F(0x40, MOVE_MOUNT_T_EMPTY_PATH), F(0x100, MOVE_MOUNT_SET_GROUP), F(0x200, MOVE_MOUNT_BENEATH),
};
static const struct rt_flag fsopen_flags[] = {F(1, FSOPEN_CLOEXEC)};
static const struct rt_flag fsconfig_flags[] = {
	V(0, FSCONFIG_SET_FLAG), V(1, FSCONFIG_SET_STRING), V(2, FSCONFIG_SET_BINARY),
	V(3, FSCONFIG_SET_PATH), V(4, FSCONFIG_SET_PATH_EMPTY), V(5, FSCONFIG_SET_FD),
	V(6, FSCONFIG_CMD_CREATE), V(7, FSCONFIG_CMD_RECONFIGURE), V(8, FSCONFIG_CMD_CREATE_EXCL),
};
static const struct rt_flag fsmount_flags[] = {F(1, FSMOUNT_CLOEXEC)};
static const struct rt_flag mount_attr_flags[] = {
	F(1, MOUNT_ATTR_RDONLY), F(2, MOUNT_ATTR_NOSUID), F(4, MOUNT_ATTR_NODEV),
	F(8, MOUNT_ATTR_NOEXEC), F(0x10, MOUNT_ATTR_NOATIME), F(0x20, MOUNT_ATTR_STRICTATIME),
	F(0x80, MOUNT_ATTR_NODIRATIME), F(0x100000, MOUNT_ATTR_IDMAP), F(0x200000, MOUNT_ATTR_NOSYMFOLLOW),
};
static const struct rt_flag fspick_flags[] = {
	F(1, FSPICK_CLOEXEC), F(2, FSPICK_SYMLINK_NOFOLLOW), F(4, FSPICK_NO_AUTOMOUNT),
	F(8, FSPICK_EMPTY_PATH),
};
static const struct rt_flag inotify_init_flags[] = {B(IN_NONBLOCK), B(IN_CLOEXEC)};
static const struct rt_flag inotify_flags[] = {
	B(IN_ALL_EVENTS), B(IN_ACCESS), B(IN_MODIFY), B(IN_ATTRIB), B(IN_CLOSE_WRITE), B(IN_CLOSE_NOWRITE),
	B(IN_OPEN), B(IN_MOVED_FROM), B(IN_MOVED_TO), B(IN_CREATE), B(IN_DELETE), B(IN_DELETE_SELF),
	B(IN_MOVE_SELF), B(IN_ONLYDIR), B(IN_DONT_FOLLOW), B(IN_EXCL_UNLINK), F(0x10000000, IN_MASK_CREATE),
	B(IN_MASK_ADD), B(IN_ISDIR), F(0x80000000, IN_ONESHOT),
};
static const struct rt_flag fanotify_init_flags[] = {
	M(0xc, FAN_CLASS_NOTIF), M(0xc, FAN_CLASS_CONTENT), M(0xc, FAN_CLASS_PRE_CONTENT),
	F(1, FAN_CLOEXEC), F(2, FAN_NONBLOCK), F(0x10, FAN_UNLIMITED_QUEUE), F(0x20, FAN_UNLIMITED_MARKS),
	F(0x40, FAN_ENABLE_AUDIT), F(0x80, FAN_REPORT_PIDFD), F(0x100, FAN_REPORT_TID),
	F(0x200, FAN_REPORT_FID), F(0x400, FAN_REPORT_DIR_FID), F(0x800, FAN_REPORT_NAME),
	F(0x1000, FAN_REPORT_TARGET_FID),
};
static const struct rt_flag fanotify_mark_flags[] = {
	F(1, FAN_MARK_ADD), F(2, FAN_MARK_REMOVE), F(4, FAN_MARK_DONT_FOLLOW), F(8, FAN_MARK_ONLYDIR),
	F(0x10, FAN_MARK_MOUNT), F(0x20, FAN_MARK_IGNORED_MASK), F(0x40, FAN_MARK_IGNORED_SURV_MODIFY),
	F(0x80, FAN_MARK_FLUSH), F(0x100, FAN_MARK_FILESYSTEM), F(0x200, FAN_MARK_EVICTABLE),
	F(0x400, FAN_MARK_IGNORE),
};
static const struct rt_flag fanotify_mask_flags[] = {
	F(1, FAN_ACCESS), F(2, FAN_MODIFY), F(4, FAN_ATTRIB), F(8, FAN_CLOSE_WRITE),
	F(0x10, FAN_CLOSE_NOWRITE), F(0x20, FAN_OPEN), F(0x40, FAN_MOVED_FROM), F(0x80, FAN_MOVED_TO),
	F(0x100, FAN_CREATE), F(0x200, FAN_DELETE), F(0x400, FAN_DELETE_SELF), F(0x800, FAN_MOVE_SELF),
	F(0x1000, FAN_OPEN_EXEC), F(0x8000, FAN_FS_ERROR), F(0x10000, FAN_OPEN_PERM),
	F(0x20000, FAN_ACCESS_PERM), F(0x40000, FAN_OPEN_EXEC_PERM), F(0x8000000, FAN_EVENT_ON_CHILD),
	F(0x10000000, FAN_RENAME), F(0x40000000, FAN_ONDIR),
};
static const struct rt_flag epoll_create_flags[] = {B(EPOLL_CLOEXEC)};
static const struct rt_flag epoll_ctl_flags[] = {E(EPOLL_CTL_ADD), E(EPOLL_CTL_DEL), E(EPOLL_CTL_MOD)};
static const struct rt_flag eventfd_flags[] = {B(EFD_SEMAPHORE), B(EFD_NONBLOCK), B(EFD_CLOEXEC)};
static const struct rt_flag signalfd_flags[] = {B(SFD_NONBLOCK), B(SFD_CLOEXEC)};
static const struct rt_flag userfaultfd_flags[] = {F(1, UFFD_USER_MODE_ONLY), B(O_NONBLOCK), B(O_CLOEXEC)};
static const struct rt_flag io_uring_enter_flags[] = {
	F(1, IORING_ENTER_GETEVENTS), F(2, IORING_ENTER_SQ_WAKEUP), F(4, IORING_ENTER_SQ_WAIT),
	F(8, IORING_ENTER_EXT_ARG), F(16, IORING_ENTER_REGISTERED_RING),
};
static const struct rt_flag io_uring_register_flags[] = {
	V(0, IORING_REGISTER_BUFFERS), V(1, IORING_UNREGISTER_BUFFERS), V(2, IORING_REGISTER_FILES),
	V(3, IORING_UNREGISTER_FILES), V(4, IORING_REGISTER_EVENTFD), V(5, IORING_UNREGISTER_EVENTFD),
	V(6, IORING_REGISTER_FILES_UPDATE), V(7, IORING_REGISTER_EVENTFD_ASYNC),
	V(8, IORING_REGISTER_PROBE), V(9, IORING_REGISTER_PERSONALITY),
	V(10, IORING_UNREGISTER_PERSONALITY), V(11, IORING_REGISTER_RESTRICTIONS),
	V(12, IORING_REGISTER_ENABLE_RINGS), V(13, IORING_REGISTER_FILES2),
	V(14, IORING_REGISTER_FILES_UPDATE2), V(15, IORING_REGISTER_BUFFERS2),
	V(16, IORING_REGISTER_BUFFERS_UPDATE), V(17, IORING_REGISTER_IOWQ_AFF),
	V(18, IORING_UNREGISTER_IOWQ_AFF), V(19, IORING_REGISTER_IOWQ_MAX_WORKERS),
	V(20, IORING_REGISTER_RING_FDS), V(21, IORING_UNREGISTER_RING_FDS),
	V(22, IORING_REGISTER_PBUF_RING), V(23, IORING_UNREGISTER_PBUF_RING),
	V(24, IORING_REGISTER_SYNC_CANCEL), V(25, IORING_REGISTER_FILE_ALLOC_RANGE),
};

/* ------------------------------------------------------------------ memory */
static const struct rt_flag prot_flags[] = {
	E(PROT_NONE), B(PROT_READ), B(PROT_WRITE), B(PROT_EXEC), F(8, PROT_SEM), B(PROT_GROWSDOWN),
	B(PROT_GROWSUP),
};
static const struct rt_flag mmap_flags[] = {
	M(15, MAP_SHARED), M(15, MAP_PRIVATE), ENTRY(15, 3, "MAP_SHARED_VALIDATE"), B(MAP_FIXED),
	B(MAP_ANONYMOUS), F(0x40, MAP_32BIT), B(MAP_GROWSDOWN), B(MAP_DENYWRITE), B(MAP_EXECUTABLE),
	B(MAP_LOCKED), B(MAP_NORESERVE), B(MAP_POPULATE), B(MAP_NONBLOCK), B(MAP_STACK), B(MAP_HUGETLB),
	F(0x80000, MAP_SYNC), F(0x100000, MAP_FIXED_NOREPLACE),
};
static const struct rt_flag pkey_flags[] = {F(1, PKEY_DISABLE_ACCESS), F(2, PKEY_DISABLE_WRITE)};
static const struct rt_flag mremap_flags[] = {
	F(1, MREMAP_MAYMOVE), F(2, MREMAP_FIXED), F(4, MREMAP_DONTUNMAP),
};
static const struct rt_flag msync_flags[] = {B(MS_ASYNC), B(MS_INVALIDATE), B(MS_SYNC)};
static const struct rt_flag madvise_flags[] = {
	V(0, MADV_NORMAL), V(1, MADV_RANDOM), V(2, MADV_SEQUENTIAL), V(3, MADV_WILLNEED),
	V(4, MADV_DONTNEED), V(8, MADV_FREE), V(9, MADV_REMOVE), V(10, MADV_DONTFORK), V(11, MADV_DOFORK),
	V(12, MADV_MERGEABLE), V(13, MADV_UNMERGEABLE), V(14, MADV_HUGEPAGE), V(15, MADV_NOHUGEPAGE),
	V(16, MADV_DONTDUMP), V(17, MADV_DODUMP), V(18, MADV_WIPEONFORK), V(19, MADV_KEEPONFORK),
	V(20, MADV_COLD), V(21, MADV_PAGEOUT), V(22, MADV_POPULATE_READ), V(23, MADV_POPULATE_WRITE),
	V(24, MADV_DONTNEED_LOCKED), V(25, MADV_COLLAPSE), V(100, MADV_HWPOISON), V(101, MADV_SOFT_OFFLINE),
	V(102, MADV_GUARD_INSTALL), V(103, MADV_GUARD_REMOVE),
};
static const struct rt_flag mlock2_flags[] = {F(1, MLOCK_ONFAULT)};
static const struct rt_flag mlockall_flags[] = {F(1, MCL_CURRENT), F(2, MCL_FUTURE), F(4, MCL_ONFAULT)};
static const struct rt_flag mempolicy_flags[] = {
	F(0x8000, MPOL_F_STATIC_NODES), F(0x4000, MPOL_F_RELATIVE_NODES), F(0x2000, MPOL_F_NUMA_BALANCING),
	ENTRY(0x1fff, 0, "MPOL_DEFAULT"), ENTRY(0x1fff, 1, "MPOL_PREFERRED"), ENTRY(0x1fff, 2, "MPOL_BIND"),
	ENTRY(0x1fff, 3, "MPOL_INTERLEAVE"), ENTRY(0x1fff, 4, "MPOL_LOCAL"),
	ENTRY(0x1fff, 5, "MPOL_PREFERRED_MANY"), ENTRY(0x1fff, 6, "MPOL_WEIGHTED_INTERLEAVE"),
};
static const struct rt_flag mbind_flags[] = {F(1, MPOL_MF_STRICT), F(2, MPOL_MF_MOVE), F(4, MPOL_MF_MOVE_ALL)};
static const struct rt_flag get_mempolicy_flags[] = {
	F(1, MPOL_F_NODE), F(2, MPOL_F_ADDR), F(4, MPOL_F_MEMS_ALLOWED),
};
static const struct rt_flag memfd_flags[] = {
	F(1, MFD_CLOEXEC), F(2, MFD_ALLOW_SEALING), F(4, MFD_HUGETLB), F(8, MFD_NOEXEC_SEAL), F(16, MFD_EXEC),
};
static const struct rt_flag membarrier_flags[] = {
	V(0, MEMBARRIER_CMD_QUERY), V(1, MEMBARRIER_CMD_GLOBAL), V(2, MEMBARRIER_CMD_GLOBAL_EXPEDITED),
	V(4, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED), V(8, MEMBARRIER_CMD_PRIVATE_EXPEDITED),
	V(16, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED),
	V(32, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE),
	V(64, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE),
	V(128, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ),
	V(256, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ), V(512, MEMBARRIER_CMD_GET_REGISTRATIONS),
};

/* ------------------------------------------------------------------ processes */
#define SIGNAL(name) ENTRY(0xff, name, #name)
static const struct rt_flag clone_flags[] = {
	F(0x100, CLONE_VM), F(0x200, CLONE_FS), F(0x400, CLONE_FILES), F(0x800, CLONE_SIGHAND),
	F(0x1000, CLONE_PIDFD), F(0x2000, CLONE_PTRACE), F(0x4000, CLONE_VFORK), F(0x8000, CLONE_PARENT),
	F(0x10000, CLONE_THREAD), F(0x20000, CLONE_NEWNS), F(0x40000, CLONE_SYSVSEM),
	F(0x80000, CLONE_SETTLS), F(0x100000, CLONE_PARENT_SETTID), F(0x200000, CLONE_CHILD_CLEARTID),
	F(0x400000, CLONE_DETACHED), F(0x800000, CLONE_UNTRACED), F(0x1000000, CLONE_CHILD_SETTID),
	F(0x2000000, CLONE_NEWCGROUP), F(0x4000000, CLONE_NEWUTS), F(0x8000000, CLONE_NEWIPC),
	F(0x10000000, CLONE_NEWUSER), F(0x20000000, CLONE_NEWPID), F(0x40000000, CLONE_NEWNET),
	F(0x80000000, CLONE_IO), F(0x80, CLONE_NEWTIME), SIGNAL(SIGHUP), SIGNAL(SIGUSR1), SIGNAL(SIGUSR2),
	SIGNAL(SIGCHLD),
};
static const struct rt_flag wait_flags[] = {
	B(WNOHANG), B(WUNTRACED), B(WEXITED), B(WCONTINUED), B(WNOWAIT), F(0x20000000, __WNOTHREAD),
	F(0x40000000, __WALL), F(0x80000000, __WCLONE),
};
static const struct rt_flag waitid_which_flags[] = {V(0, P_ALL), V(1, P_PID), V(2, P_PGID), V(3, P_PIDFD)};
static const struct rt_flag pidfd_open_flags[] = {V(O_NONBLOCK, PIDFD_NONBLOCK), V(O_EXCL, PIDFD_THREAD)};
static const struct rt_flag prctl_flags[] = {
	V(1, PR_SET_PDEATHSIG), V(2, PR_GET_PDEATHSIG), V(3, PR_GET_DUMPABLE), V(4, PR_SET_DUMPABLE),
	V(5, PR_GET_UNALIGN), V(6, PR_SET_UNALIGN), V(7, PR_GET_KEEPCAPS), V(8, PR_SET_KEEPCAPS),
	V(9, PR_GET_FPEMU), V(10, PR_SET_FPEMU), V(11, PR_GET_FPEXC), V(12, PR_SET_FPEXC),
	V(13, PR_GET_TIMING), V(14, PR_SET_TIMING), V(15, PR_SET_NAME), V(16, PR_GET_NAME),
	V(19, PR_GET_ENDIAN), V(20, PR_SET_ENDIAN), V(21, PR_GET_SECCOMP), V(22, PR_SET_SECCOMP),
	V(23, PR_CAPBSET_READ), V(24, PR_CAPBSET_DROP), V(25, PR_GET_TSC), V(26, PR_SET_TSC),
	V(27, PR_GET_SECUREBITS), V(28, PR_SET_SECUREBITS), V(29, PR_SET_TIMERSLACK),
	V(30, PR_GET_TIMERSLACK), V(31, PR_TASK_PERF_EVENTS_DISABLE), V(32, PR_TASK_PERF_EVENTS_ENABLE),
	V(33, PR_MCE_KILL), V(34, PR_MCE_KILL_GET), V(35, PR_SET_MM), V(36, PR_SET_CHILD_SUBREAPER),
	V(37, PR_GET_CHILD_SUBREAPER), V(38, PR_SET_NO_NEW_PRIVS), V(39, PR_GET_NO_NEW_PRIVS),
	V(40, PR_GET_TID_ADDRESS), V(41, PR_SET_THP_DISABLE), V(42, PR_GET_THP_DISABLE), V(45, PR_SET_FP_MODE),
	V(46, PR_GET_FP_MODE), V(47, PR_CAP_AMBIENT), V(50, PR_SVE_SET_VL), V(51, PR_SVE_GET_VL),
	V(52, PR_GET_SPECULATION_CTRL), V(53, PR_SET_SPECULATION_CTRL), V(54, PR_PAC_RESET_KEYS),
	V(57, PR_SET_IO_FLUSHER), V(58, PR_GET_IO_FLUSHER), V(59, PR_SET_SYSCALL_USER_DISPATCH),
	V(62, PR_SCHED_CORE), V(65, PR_SET_MDWE), V(66, PR_GET_MDWE), V(0x53564d41, PR_SET_VMA),
	V(0x59616d61, PR_SET_PTRACER),
};
static const struct rt_flag arch_prctl_flags[] = {
	V(0x1001, ARCH_SET_GS), V(0x1002, ARCH_SET_FS), V(0x1003, ARCH_GET_FS), V(0x1004, ARCH_GET_GS),
	V(0x1011, ARCH_GET_CPUID), V(0x1012, ARCH_SET_CPUID), V(0x1021, ARCH_GET_XCOMP_SUPP),
	V(0x1022, ARCH_GET_XCOMP_PERM), V(0x1023, ARCH_REQ_XCOMP_PERM), V(0x2001, ARCH_MAP_VDSO_X32),
	V(0x2002, ARCH_MAP_VDSO_32), V(0x2003, ARCH_MAP_VDSO_64), V(0x3001, ARCH_CET_STATUS),
	V(0x5001, ARCH_SHSTK_ENABLE), V(0x5002, ARCH_SHSTK_DISABLE), V(0x5003, ARCH_SHSTK_LOCK),
	V(0x5005, ARCH_SHSTK_STATUS),
};
static const struct rt_flag ptrace_flags[] = {
	V(0, PTRACE_TRACEME), V(1, PTRACE_PEEKTEXT), V(2, PTRACE_PEEKDATA), V(3, PTRACE_PEEKUSER),
	V(4, PTRACE_POKETEXT), V(5, PTRACE_POKEDATA), V(6, PTRACE_POKEUSER), V(7, PTRACE_CONT),
	V(8, PTRACE_KILL), V(9, PTRACE_SINGLESTEP), V(12, PTRACE_GETREGS), V(13, PTRACE_SETREGS),
	V(14, PTRACE_GETFPREGS), V(15, PTRACE_SETFPREGS), V(16, PTRACE_ATTACH), V(17, PTRACE_DETACH),
	V(24, PTRACE_SYSCALL), V(30, PTRACE_ARCH_PRCTL), V(31, PTRACE_SYSEMU), V(32, PTRACE_SYSEMU_SINGLESTEP),
	V(33, PTRACE_SINGLEBLOCK), V(0x4200, PTRACE_SETOPTIONS), V(0x4201, PTRACE_GETEVENTMSG),
	V(0x4202, PTRACE_GETSIGINFO), V(0x4203, PTRACE_SETSIGINFO), V(0x4204, PTRACE_GETREGSET),
	V(0x4205, PTRACE_SETREGSET), V(0x4206, PTRACE_SEIZE), V(0x4207, PTRACE_INTERRUPT),
	V(0x4208, PTRACE_LISTEN), V(0x4209, PTRACE_PEEKSIGINFO), V(0x420a, PTRACE_GETSIGMASK),
	V(0x420b, PTRACE_SETSIGMASK), V(0x420c, PTRACE_SECCOMP_GET_FILTER),
	V(0x420d, PTRACE_SECCOMP_GET_METADATA), V(0x420e, PTRACE_GET_SYSCALL_INFO),
	V(0x420f, PTRACE_GET_RSEQ_CONFIGURATION),
};
static const struct rt_flag seccomp_flags[] = {
	V(0, SECCOMP_SET_MODE_STRICT), V(1, SECCOMP_SET_MODE_FILTER), V(2, SECCOMP_GET_ACTION_AVAIL),
	V(3, SECCOMP_GET_NOTIF_SIZES),
};
static const struct rt_flag seccomp_flags_flags[] = {
	F(1, SECCOMP_FILTER_FLAG_TSYNC), F(2, SECCOMP_FILTER_FLAG_LOG), F(4, SECCOMP_FILTER_FLAG_SPEC_ALLOW),
	F(8, SECCOMP_FILTER_FLAG_NEW_LISTENER), F(16, SECCOMP_FILTER_FLAG_TSYNC_ESRCH),
	F(32, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV),
};
static const struct rt_flag kcmp_flags[] = {
	V(0, KCMP_FILE), V(1, KCMP_VM), V(2, KCMP_FILES), V(3, KCMP_FS), V(4, KCMP_SIGHAND), V(5, KCMP_IO),
	V(6, KCMP_SYSVSEM), V(7, KCMP_EPOLL_TFD),
};
static const struct rt_flag rlimit_flags[] = {
	E(RLIMIT_CPU), E(RLIMIT_FSIZE), E(RLIMIT_DATA), E(RLIMIT_STACK), E(RLIMIT_CORE), V(5, RLIMIT_RSS),
	V(6, RLIMIT_NPROC), V(7, RLIMIT_NOFILE), V(8, RLIMIT_MEMLOCK), V(9, RLIMIT_AS), V(10, RLIMIT_LOCKS),
	V(11, RLIMIT_SIGPENDING), V(12, RLIMIT_MSGQUEUE), V(13, RLIMIT_NICE), V(14, RLIMIT_RTPRIO),
	V(15, RLIMIT_RTTIME),
};
static const struct rt_flag rusage_flags[] = {E(RUSAGE_SELF), E(RUSAGE_CHILDREN), V(1, RUSAGE_THREAD)};
static const struct rt_flag priority_flags[] = {E(PRIO_PROCESS), E(PRIO_PGRP), E(PRIO_USER)};
static const struct rt_flag ioprio_flags[] = {V(1, IOPRIO_WHO_PROCESS), V(2, IOPRIO_WHO_PGRP), V(3, IOPRIO_WHO_USER)};
static const struct rt_flag sched_flags[] = {
	F(0x40000000, SCHED_RESET_ON_FORK), ENTRY(0x3fffffff, 0, "SCHED_OTHER"), ENTRY(0x3fffffff, 1, "SCHED_FIFO"),
	ENTRY(0x3fffffff, 2, "SCHED_RR"), ENTRY(0x3fffffff, 3, "SCHED_BATCH"), ENTRY(0x3fffffff, 5, "SCHED_IDLE"),
	ENTRY(0x3fffffff, 6, "SCHED_DEADLINE"), ENTRY(0x3fffffff, 7, "SCHED_EXT"),
};

/* ------------------------------------------------------------------ signals and time */
static const struct rt_flag sigprocmask_flags[] = {V(0, SIG_BLOCK), V(1, SIG_UNBLOCK), V(2, SIG_SETMASK)};
static const struct rt_flag clock_flags[] = {
	V(0, CLOCK_REALTIME), V(1, CLOCK_MONOTONIC), V(2, CLOCK_PROCESS_CPUTIME_ID),
	V(3, CLOCK_THREAD_CPUTIME_ID), V(4, CLOCK_MONOTONIC_RAW), V(5, CLOCK_REALTIME_COARSE),
	V(6, CLOCK_MONOTONIC_COARSE), V(7, CLOCK_BOOTTIME), V(8, CLOCK_REALTIME_ALARM),
	V(9, CLOCK_BOOTTIME_ALARM), V(10, CLOCK_SGI_CYCLE), V(11, CLOCK_TAI),
};
static const struct rt_flag timer_flags_flags[] = {F(1, TIMER_ABSTIME)};
static const struct rt_flag itimer_flags[] = {V(0, ITIMER_REAL), V(1, ITIMER_VIRTUAL), V(2, ITIMER_PROF)};
static const struct rt_flag timerfd_flags[] = {B(TFD_NONBLOCK), B(TFD_CLOEXEC)};
static const struct rt_flag timerfd_settime_flags[] = {F(1, TFD_TIMER_ABSTIME), F(2, TFD_TIMER_CANCEL_ON_SET)};

/* ------------------------------------------------------------------ between processes */
#define OP(number, name) ENTRY(0x7f, number, #name)
static const struct rt_flag futex_flags[] = {
	OP(0, FUTEX_WAIT), OP(1, FUTEX_WAKE), OP(2, FUTEX_FD), OP(3, FUTEX_REQUEUE), OP(4, FUTEX_CMP_REQUEUE),
	OP(5, FUTEX_WAKE_OP), OP(6, FUTEX_LOCK_PI), OP(7, FUTEX_UNLOCK_PI), OP(8, FUTEX_TRYLOCK_PI),
	OP(9, FUTEX_WAIT_BITSET), OP(10, FUTEX_WAKE_BITSET), OP(11, FUTEX_WAIT_REQUEUE_PI),
	OP(12, FUTEX_CMP_REQUEUE_PI), OP(13, FUTEX_LOCK_PI2), F(128, FUTEX_PRIVATE_FLAG), F(256, FUTEX_CLOCK_REALTIME),
};
static const struct rt_flag futex2_flags[] = {
	ENTRY(3, 0, "FUTEX2_SIZE_U8"), ENTRY(3, 1, "FUTEX2_SIZE_U16"), ENTRY(3, 2, "FUTEX2_SIZE_U32"),
	ENTRY(3, 3, "FUTEX2_SIZE_U64"), F(4, FUTEX2_NUMA), F(128, FUTEX2_PRIVATE),
};
static const struct rt_flag ipc_get_flags[] = {
	B(IPC_CREAT), B(IPC_EXCL), F(04000, SHM_HUGETLB), F(010000, SHM_NORESERVE), B(S_IRUSR), B(S_IWUSR), B(S_IXUSR),
	B(S_IRGRP), B(S_IWGRP), B(S_IXGRP), B(S_IROTH), B(S_IWOTH), B(S_IXOTH),
};
static const struct rt_flag shmat_flags[] = {F(010000, SHM_RDONLY), F(020000, SHM_RND), F(040000, SHM_REMAP), F(0100000, SHM_EXEC)};
static const struct rt_flag shmctl_flags[] = {
	E(IPC_RMID), E(IPC_SET), E(IPC_STAT), V(3, IPC_INFO), V(11, SHM_LOCK), V(12, SHM_UNLOCK), V(13, SHM_STAT),
	V(14, SHM_INFO), V(15, SHM_STAT_ANY),
};
static const struct rt_flag semctl_flags[] = {
	E(IPC_RMID), E(IPC_SET), E(IPC_STAT), V(3, IPC_INFO), E(GETPID), E(GETVAL), E(GETALL), E(GETNCNT),
	E(GETZCNT), E(SETVAL), E(SETALL), V(18, SEM_STAT), V(19, SEM_INFO), V(20, SEM_STAT_ANY),
};
static const struct rt_flag msgctl_flags[] = {
	E(IPC_RMID), E(IPC_SET), E(IPC_STAT), V(3, IPC_INFO), V(11, MSG_STAT), V(12, MSG_INFO), V(13, MSG_STAT_ANY),
};
static const struct rt_flag ipc_msg_flags[] = {
	B(IPC_NOWAIT), F(010000, MSG_NOERROR), F(020000, MSG_EXCEPT), F(040000, MSG_COPY),
};

/* ------------------------------------------------------------------ sockets */
static const struct rt_flag socket_family_flags[] = {
	E(AF_UNSPEC), V(1, AF_UNIX), E(AF_INET), E(AF_AX25), E(AF_IPX), E(AF_APPLETALK), E(AF_NETROM),
	E(AF_BRIDGE), E(AF_ATMPVC), E(AF_X25), E(AF_INET6), E(AF_ROSE), V(12, AF_DECnet), E(AF_NETBEUI),
	E(AF_SECURITY), E(AF_KEY), V(16, AF_NETLINK), E(AF_PACKET), E(AF_ASH), E(AF_ECONET), E(AF_ATMSVC), E(AF_RDS),
	E(AF_SNA), E(AF_IRDA), E(AF_PPPOX), E(AF_WANPIPE), E(AF_LLC), V(27, AF_IB), V(28, AF_MPLS), E(AF_CAN),
	E(AF_TIPC), E(AF_BLUETOOTH), E(AF_IUCV), E(AF_RXRPC), E(AF_ISDN), E(AF_PHONET), E(AF_IEEE802154),
	E(AF_CAIF), E(AF_ALG), E(AF_NFC), E(AF_VSOCK), V(41, AF_KCM), V(42, AF_QIPCRTR), V(43, AF_SMC),
	V(44, AF_XDP), V(45, AF_MCTP),
};
static const struct rt_flag socket_type_flags[] = {
	M(15, SOCK_STREAM), M(15, SOCK_DGRAM), M(15, SOCK_RAW), M(15, SOCK_RDM), M(15, SOCK_SEQPACKET),
	M(15, SOCK_DCCP), ENTRY(15, 10, "SOCK_PACKET"), B(SOCK_NONBLOCK), B(SOCK_CLOEXEC),
};
static const struct rt_flag socket_flags_flags[] = {B(SOCK_NONBLOCK), B(SOCK_CLOEXEC)};
static const struct rt_flag inet_protocol_flags[] = {
	V(0, IPPROTO_IP), V(1, IPPROTO_ICMP), V(2, IPPROTO_IGMP), V(4, IPPROTO_IPIP), V(6, IPPROTO_TCP),
	V(8, IPPROTO_EGP), V(12, IPPROTO_PUP), V(17, IPPROTO_UDP), V(22, IPPROTO_IDP), V(29, IPPROTO_TP),
	V(33, IPPROTO_DCCP), V(41, IPPROTO_IPV6), V(46, IPPROTO_RSVP), V(47, IPPROTO_GRE), V(50, IPPROTO_ESP),
	V(51, IPPROTO_AH), V(58, IPPROTO_ICMPV6), V(92, IPPROTO_MTP), V(94, IPPROTO_BEETPH), V(98, IPPROTO_ENCAP),
	V(103, IPPROTO_PIM), V(108, IPPROTO_COMP), V(132, IPPROTO_SCTP), V(136, IPPROTO_UDPLITE),
	V(137, IPPROTO_MPLS), V(143, IPPROTO_ETHERNET), V(255, IPPROTO_RAW), V(262, IPPROTO_MPTCP),
};
static const struct rt_flag netlink_protocol_flags[] = {
	V(0, NETLINK_ROUTE), V(2, NETLINK_USERSOCK), V(3, NETLINK_FIREWALL), V(4, NETLINK_SOCK_DIAG),
	V(5, NETLINK_NFLOG), V(6, NETLINK_XFRM), V(7, NETLINK_SELINUX), V(8, NETLINK_ISCSI), V(9, NETLINK_AUDIT),
	V(10, NETLINK_FIB_LOOKUP), V(11, NETLINK_CONNECTOR), V(12, NETLINK_NETFILTER), V(13, NETLINK_IP6_FW),
	V(14, NETLINK_DNRTMSG), V(15, NETLINK_KOBJECT_UEVENT), V(16, NETLINK_GENERIC), V(18, NETLINK_SCSITRANSPORT),
	V(19, NETLINK_ECRYPTFS), V(20, NETLINK_RDMA), V(21, NETLINK_CRYPTO), V(22, NETLINK_SMC),
};
static const struct rt_flag msg_flags[] = {
	B(MSG_OOB), B(MSG_PEEK), B(MSG_DONTROUTE), B(MSG_CTRUNC), F(0x10, MSG_PROBE), B(MSG_TRUNC),
	B(MSG_DONTWAIT), B(MSG_EOR), B(MSG_WAITALL), B(MSG_FIN), B(MSG_SYN), B(MSG_CONFIRM), B(MSG_RST),
	B(MSG_ERRQUEUE), B(MSG_NOSIGNAL), B(MSG_MORE), B(MSG_WAITFORONE), F(0x40000, MSG_BATCH), F(0x4000000, MSG_ZEROCOPY),
	B(MSG_FASTOPEN), B(MSG_CMSG_CLOEXEC),
};
static const struct rt_flag shutdown_flags[] = {E(SHUT_RD), E(SHUT_WR), E(SHUT_RDWR)};
static const struct rt_flag sol_flags[] = {
	V(0, SOL_IP), V(1, SOL_SOCKET), V(6, SOL_TCP), V(17, SOL_UDP), V(41, SOL_IPV6), V(58, SOL_ICMPV6),
	V(132, SOL_SCTP), V(136, SOL_UDPLITE), V(255, SOL_RAW), V(263, SOL_PACKET), V(270, SOL_NETLINK),
	V(271, SOL_TIPC), V(274, SOL_BLUETOOTH), V(279, SOL_ALG), V(282, SOL_TLS), V(283, SOL_XDP),
	V(284, SOL_MPTCP), V(287, SOL_VSOCK),
};
static const struct rt_flag sockopt_flags[] = {
	V(1, SO_DEBUG), V(2, SO_REUSEADDR), V(3, SO_TYPE), V(4, SO_ERROR), V(5, SO_DONTROUTE), V(6, SO_BROADCAST),
	V(7, SO_SNDBUF), V(8, SO_RCVBUF), V(9, SO_KEEPALIVE), V(10, SO_OOBINLINE), V(11, SO_NO_CHECK),
	V(12, SO_PRIORITY), V(13, SO_LINGER), V(14, SO_BSDCOMPAT), V(15, SO_REUSEPORT), V(16, SO_PASSCRED),
	V(17, SO_PEERCRED), V(18, SO_RCVLOWAT), V(19, SO_SNDLOWAT), V(20, SO_RCVTIMEO), V(21, SO_SNDTIMEO),
	V(25, SO_BINDTODEVICE), V(26, SO_ATTACH_FILTER), V(27, SO_DETACH_FILTER), V(28, SO_PEERNAME),
	V(29, SO_TIMESTAMP), V(30, SO_ACCEPTCONN), V(31, SO_PEERSEC), V(32, SO_SNDBUFFORCE), V(33, SO_RCVBUFFORCE),
	V(34, SO_PASSSEC), V(35, SO_TIMESTAMPNS), V(36, SO_MARK), V(37, SO_TIMESTAMPING), V(38, SO_PROTOCOL),
	V(39, SO_DOMAIN), V(40, SO_RXQ_OVFL), V(41, SO_WIFI_STATUS), V(42, SO_PEEK_OFF), V(43, SO_NOFCS),
	V(44, SO_LOCK_FILTER), V(45, SO_SELECT_ERR_QUEUE), V(46, SO_BUSY_POLL), V(47, SO_MAX_PACING_RATE),
	V(48, SO_BPF_EXTENSIONS), V(49, SO_INCOMING_CPU), V(50, SO_ATTACH_BPF), V(51, SO_ATTACH_REUSEPORT_CBPF),
	V(52, SO_ATTACH_REUSEPORT_EBPF), V(53, SO_CNX_ADVICE), V(55, SO_MEMINFO), V(56, SO_INCOMING_NAPI_ID),
	V(57, SO_COOKIE), V(59, SO_PEERGROUPS), V(60, SO_ZEROCOPY), V(61, SO_TXTIME), V(62, SO_BINDTOIFINDEX),
};
static const struct rt_flag tcp_option_flags[] = {
	V(1, TCP_NODELAY), V(2, TCP_MAXSEG), V(3, TCP_CORK), V(4, TCP_KEEPIDLE), V(5, TCP_KEEPINTVL), V(6, TCP_KEEPCNT),
	V(7, TCP_SYNCNT), V(8, TCP_LINGER2), V(9, TCP_DEFER_ACCEPT), V(10, TCP_WINDOW_CLAMP), V(11, TCP_INFO),
	V(12, TCP_QUICKACK), V(13, TCP_CONGESTION), V(14, TCP_MD5SIG), V(16, TCP_THIN_LINEAR_TIMEOUTS),
	V(17, TCP_THIN_DUPACK), V(18, TCP_USER_TIMEOUT), V(19, TCP_REPAIR), V(20, TCP_REPAIR_QUEUE), V(21, TCP_QUEUE_SEQ),
	V(22, TCP_REPAIR_OPTIONS), V(23, TCP_FASTOPEN), V(24, TCP_TIMESTAMP), V(25, TCP_NOTSENT_LOWAT), V(26, TCP_CC_INFO),
	V(27, TCP_SAVE_SYN), V(28, TCP_SAVED_SYN), V(29, TCP_REPAIR_WINDOW), V(30, TCP_FASTOPEN_CONNECT), V(31, TCP_ULP),
};

/* ------------------------------------------------------------------ the system */
static const struct rt_flag reboot_magic_flags[] = {
	V(0xfee1dead, LINUX_REBOOT_MAGIC1), V(672274793, LINUX_REBOOT_MAGIC2), V(85072278, LINUX_REBOOT_MAGIC2A),
	V(369367448, LINUX_REBOOT_MAGIC2B), V(537993216, LINUX_REBOOT_MAGIC2C),
};
static const struct rt_flag reboot_flags[] = {
	V(0x01234567, LINUX_REBOOT_CMD_RESTART), V(0xcdef0123, LINUX_REBOOT_CMD_HALT),
	V(0x89abcdef, LINUX_REBOOT_CMD_CAD_ON), V(0, LINUX_REBOOT_CMD_CAD_OFF),
	V(0x4321fedc, LINUX_REBOOT_CMD_POWER_OFF), V(0xa1b2c3d4, LINUX_REBOOT_CMD_RESTART2),
	V(0xd000fce2, LINUX_REBOOT_CMD_SW_SUSPEND), V(0x45584543, LINUX_REBOOT_CMD_KEXEC),
};
static const struct rt_flag finit_module_flags[] = {
	F(1, MODULE_INIT_IGNORE_MODVERSIONS), F(2, MODULE_INIT_IGNORE_VERMAGIC), F(4, MODULE_INIT_COMPRESSED_FILE),
};
static const struct rt_flag delete_module_flags[] = {B(O_NONBLOCK), B(O_TRUNC)};
static const struct rt_flag kexec_flags[] = {F(1, KEXEC_ON_CRASH), F(2, KEXEC_PRESERVE_CONTEXT)};
static const struct rt_flag kexec_file_flags[] = {
	F(1, KEXEC_FILE_UNLOAD), F(2, KEXEC_FILE_ON_CRASH), F(4, KEXEC_FILE_NO_INITRAMFS),
};
static const struct rt_flag perf_event_open_flags[] = {
	F(1, PERF_FLAG_FD_NO_GROUP), F(2, PERF_FLAG_FD_OUTPUT), F(4, PERF_FLAG_PID_CGROUP), F(8, PERF_FLAG_FD_CLOEXEC),
};
static const struct rt_flag bpf_flags[] = {
	V(0, BPF_MAP_CREATE), V(1, BPF_MAP_LOOKUP_ELEM), V(2, BPF_MAP_UPDATE_ELEM), V(3, BPF_MAP_DELETE_ELEM),
	V(4, BPF_MAP_GET_NEXT_KEY), V(5, BPF_PROG_LOAD), V(6, BPF_OBJ_PIN), V(7, BPF_OBJ_GET), V(8, BPF_PROG_ATTACH),
	V(9, BPF_PROG_DETACH), V(10, BPF_PROG_TEST_RUN), V(11, BPF_PROG_GET_NEXT_ID), V(12, BPF_MAP_GET_NEXT_ID),
	V(13, BPF_PROG_GET_FD_BY_ID), V(14, BPF_MAP_GET_FD_BY_ID), V(15, BPF_OBJ_GET_INFO_BY_FD), V(16, BPF_PROG_QUERY),
	V(17, BPF_RAW_TRACEPOINT_OPEN), V(18, BPF_BTF_LOAD), V(19, BPF_BTF_GET_FD_BY_ID), V(20, BPF_TASK_FD_QUERY),
	V(21, BPF_MAP_LOOKUP_AND_DELETE_ELEM), V(22, BPF_MAP_FREEZE), V(23, BPF_BTF_GET_NEXT_ID),
	V(24, BPF_MAP_LOOKUP_BATCH), V(25, BPF_MAP_LOOKUP_AND_DELETE_BATCH), V(26, BPF_MAP_UPDATE_BATCH),
	V(27, BPF_MAP_DELETE_BATCH), V(28, BPF_LINK_CREATE), V(29, BPF_LINK_UPDATE), V(30, BPF_LINK_GET_FD_BY_ID),
	V(31, BPF_LINK_GET_NEXT_ID), V(32, BPF_ENABLE_STATS), V(33, BPF_ITER_CREATE), V(34, BPF_LINK_DETACH),
	V(35, BPF_PROG_BIND_MAP), V(36, BPF_TOKEN_CREATE),
};
static const struct rt_flag getrandom_flags[] = {F(1, GRND_NONBLOCK), F(2, GRND_RANDOM), F(4, GRND_INSECURE)};
static const struct rt_flag keyctl_flags[] = {
	V(0, KEYCTL_GET_KEYRING_ID), V(1, KEYCTL_JOIN_SESSION_KEYRING), V(2, KEYCTL_UPDATE), V(3, KEYCTL_REVOKE),
	V(4, KEYCTL_CHOWN), V(5, KEYCTL_SETPERM), V(6, KEYCTL_DESCRIBE), V(7, KEYCTL_CLEAR), V(8, KEYCTL_LINK),
	V(9, KEYCTL_UNLINK), V(10, KEYCTL_SEARCH), V(11, KEYCTL_READ), V(12, KEYCTL_INSTANTIATE), V(13, KEYCTL_NEGATE),
	V(14, KEYCTL_SET_REQKEY_KEYRING), V(15, KEYCTL_SET_TIMEOUT), V(16, KEYCTL_ASSUME_AUTHORITY),
	V(17, KEYCTL_GET_SECURITY), V(18, KEYCTL_SESSION_TO_PARENT), V(19, KEYCTL_REJECT), V(20, KEYCTL_INSTANTIATE_IOV),
	V(21, KEYCTL_INVALIDATE), V(22, KEYCTL_GET_PERSISTENT), V(23, KEYCTL_DH_COMPUTE), V(24, KEYCTL_PKEY_QUERY),
	V(25, KEYCTL_PKEY_ENCRYPT), V(26, KEYCTL_PKEY_DECRYPT), V(27, KEYCTL_PKEY_SIGN), V(28, KEYCTL_PKEY_VERIFY),
	V(29, KEYCTL_RESTRICT_KEYRING), V(30, KEYCTL_MOVE), V(31, KEYCTL_CAPABILITIES), V(32, KEYCTL_WATCH_KEY),
};

#define T(table) {#table, table##_flags, sizeof(table##_flags) / sizeof(struct rt_flag)}

static const struct rt_flag_names tables[] = {
	T(open), T(open_cloexec), T(pipe), T(close_range), T(at), T(statx_flags), T(statx_mask), T(access), T(mode),
	T(seek), T(rwf), T(fcntl), T(flock), T(rename), T(sync_file_range), T(mount), T(umount), T(swapon), T(quota),
	T(fadvise), T(falloc), T(splice), T(xattr), T(open_tree), T(move_mount), T(fsopen), T(fsconfig), T(fsmount),
	T(mount_attr), T(fspick), T(inotify_init), T(inotify), T(fanotify_init), T(fanotify_mark), T(fanotify_mask),
	T(epoll_create), T(epoll_ctl), T(eventfd), T(signalfd), T(userfaultfd), T(io_uring_enter), T(io_uring_register),
	T(prot), T(mmap), T(pkey), T(mremap), T(msync), T(madvise), T(mlock2), T(mlockall), T(mempolicy), T(mbind),
	T(get_mempolicy), T(memfd), T(membarrier), T(clone), T(wait), T(waitid_which), T(pidfd_open), T(prctl),
	T(arch_prctl), T(ptrace), T(seccomp), T(seccomp_flags), T(kcmp), T(rlimit), T(rusage), T(priority), T(ioprio),
	T(sched), T(sigprocmask), T(clock), T(timer_flags), T(itimer), T(timerfd), T(timerfd_settime), T(futex), T(futex2),
	T(ipc_get), T(shmat), T(shmctl), T(semctl), T(msgctl), T(ipc_msg), T(socket_family), T(socket_type),
	T(socket_flags), T(inet_protocol), T(netlink_protocol), T(msg), T(shutdown), T(sol), T(sockopt), T(tcp_option),
	T(reboot_magic), T(reboot), T(finit_module), T(delete_module), T(kexec), T(kexec_file), T(perf_event_open), T(bpf),
	T(getrandom), T(keyctl),
};

enum { N_TABLES = sizeof(tables) / sizeof(tables[0]) };

const struct rt_flag_names *rt_flags_find(const char *name, size_t len)
{
	for (size_t i = 0; i < N_TABLES; i++)
		if (strlen(tables[i].name) == len && memcmp(tables[i].name, name, len) == 0)
			return &tables[i];
	return NULL;
}

void rt_flags_text(struct str *out, const struct rt_flag_names *t, uint32_t value)
{
	uint32_t rest = value;
	bool any = false;

	for (uint32_t i = 0; i < t->n; i++) {
		const struct rt_flag *f = &t->v[i];

		if (f->value ? (rest & f->mask) != f->value : (value & f->mask) != 0)
			continue;
		str_addf(out, "%s%s", any ? "|" : "", f->text);
		rest &= ~f->mask;
		any = true;
	}
	if (rest || !any)
		str_addf(out, "%s0x%x", any ? "|" : "", rest);
}

#ifdef TAPIR_TEST
#include "base/test.h"

static const char *text_of(const char *table, uint32_t value)
{
	static struct str out;

	out.len = 0;
	rt_flags_text(&out, rt_flags_find(table, strlen(table)), value);
	return out.s;
}

TEST(flags_have_names)
{
	CHECK_STR(text_of("open", O_WRONLY | O_CREAT | 0x40000000), "O_WRONLY|O_CREAT|0x40000000");
	CHECK_STR(text_of("open", O_SYNC | O_TMPFILE), "O_RDONLY|O_SYNC|O_TMPFILE");
	CHECK_STR(text_of("open", O_DSYNC | O_DIRECTORY), "O_RDONLY|O_DSYNC|O_DIRECTORY");
	CHECK_STR(text_of("open", 3), "O_RDWR|O_WRONLY");
	CHECK_STR(text_of("prot", 0), "PROT_NONE");
	CHECK_STR(text_of("prot", PROT_READ | PROT_WRITE), "PROT_READ|PROT_WRITE");
	CHECK_STR(text_of("at", 0), "0x0");
	CHECK_STR(text_of("at", 0x40000000), "0x40000000");
	CHECK_STR(text_of("seek", 7), "0x7");
	CHECK_STR(text_of("rusage", (uint32_t)-1), "RUSAGE_CHILDREN");
	CHECK_STR(text_of("futex", 128 | 9), "FUTEX_WAIT_BITSET|FUTEX_PRIVATE_FLAG");
	CHECK_STR(text_of("flock", LOCK_EX | LOCK_NB), "LOCK_EX|LOCK_NB");
	CHECK_STR(text_of("clone", 0x100 | SIGCHLD), "CLONE_VM|SIGCHLD");
	CHECK_STR(text_of("socket_type", SOCK_STREAM | SOCK_CLOEXEC), "SOCK_STREAM|SOCK_CLOEXEC");
	for (size_t i = 0; i < N_TABLES; i++)
		for (uint32_t k = 0; k < tables[i].n; k++) {
			CHECK(tables[i].n <= RT_FLAGS_MAX);
			CHECK_INT(strlen(tables[i].v[k].text), tables[i].v[k].len);
			CHECK((tables[i].v[k].value & ~tables[i].v[k].mask) == 0);
		}
}
#endif
