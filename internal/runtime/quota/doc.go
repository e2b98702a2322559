// Package quota caps what lies below directories by the project quotas of
// their file system, where that has them: ext4 and XFS mounted with prjquota.
// The kernel then refuses the write that would go over the cap, however it is
// made and whether or not a daemon runs.
//
// A capped directory carries a project's number, which everything that is made
// below it inherits; a process in a user namespace can not change it. The file
// system itself is the register of the numbers: one that no file carries is free.
// So there is no list that could be lost, and nodes and other programs that
// share a file system do not collide.
package quota
