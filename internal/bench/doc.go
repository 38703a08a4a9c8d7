// Package bench measures a whole server: it starts one pinned to a core (or takes one that runs), puts a load on it with
// light clients, and reads from the kernel what the server used. Figures are printed beside a floor that was measured in
// the same run, since absolute times mean little on a shared machine.
package bench
