//! Clusters of real processes, and what holds for the whole house. One binary, because each links everything there is.

mod alerts;
mod arrows;
mod audit;
mod bad_input;
mod crash;
mod cut_off;
mod damaged;
mod demo;
mod dependencies;
mod directory;
mod disable;
mod fault_clock;
mod fault_disk;
mod fault_network;
mod fault_process;
mod import;
mod leader_killed;
mod lockout;
mod membership;
mod methods;
mod namespaces;
mod oathtool;
mod paused_judge;
mod single_use;
mod syslog;
mod two_step;
