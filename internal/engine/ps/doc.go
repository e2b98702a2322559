// Package ps shows the processes of a container as ps(1) would, for the columns that people ask for: executing the host's own
// ps with arguments from outside is not needed for that.
package ps
