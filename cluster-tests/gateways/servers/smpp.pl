# A real message centre (Net::SMPP, in Debian libnet-smpp-perl) for tests, in a process of its own.
#
# It prints one line of JSON when it listens, writes every PDU that it reads as a line of JSON to --record, texts decoded by Perl's own tables, and ends
# when its standard input does.
#
# How it behaves is chosen when it starts:
#
#   --system-id, --password   who may bind; without, anybody
#   --bind-status N           answers every bind with this command_status
#   --submit-status N         answers every submit_sm with it, and the second part of a message if --mode is second-refused
#   --mode ok                 takes messages
#          silent             never answers a bind
#          slow               never answers a submit_sm
#          dead               hangs up within its answer to a submit_sm
#          dead-bind          hangs up within its answer to a bind
#          twice              answers everything twice
#          wrong-sequence     answers a submit_sm with another sequence number
#          enquire            asks for signs of life before it answers, and answers when it has them
#          unbind             takes leave instead of answering a submit_sm
#          unbind-first       takes leave instead of answering a bind
#          huge, tiny         answers a submit_sm with a length that cannot be
#          dribble            answers a submit_sm with an octet now and then, without end
#          chatter            says other things without end instead of answering
#          nack, nack-nobody  generic_nack to a submit_sm, with its sequence number or without
#          body               a message_id in an answer that refuses
#          second-refused     takes the first part of a message and refuses the second

use strict;
use warnings;
use Encode;
use Getopt::Long;
use IO::Select;
use JSON::PP;
use Net::SMPP;

my %arguments = (mode => 'ok', 'bind-status' => 0, 'submit-status' => 0);
GetOptions(\%arguments, map { "$_=s" } qw(record system-id password bind-status submit-status mode)) or die;
my $mode = $arguments{mode};
$SIG{CHLD} = $SIG{PIPE} = 'IGNORE';
# What Net::SMPP says of a client that hangs up does not interest here.
$SIG{__WARN__} = sub { };

sub record {
    my ($entry) = @_;
    open my $file, '>>', $arguments{record} or die;
    print $file JSON::PP->new->ascii->canonical->encode($entry), "\n";
    close $file;
}

# A text as the telephone would show it, and the header of user data before it.
sub decoded {
    my ($pdu) = @_;
    my ($octets, $header) = ($pdu->{short_message}, '');
    if ($pdu->{esm_class} & 0x40) {
        my $length = 1 + ord substr $octets, 0, 1;
        $header = substr $octets, 0, $length, '';
    }
    $octets = $pdu->{message_payload} if defined $pdu->{message_payload};
    my $text = decode($pdu->{data_coding} == 8 ? 'UTF-16BE' : 'gsm0338', $octets);
    return (text => $text, udh => unpack('H*', $header), octets => length $octets);
}

sub told {
    my ($pdu) = @_;
    my %entry = (command => $pdu->explain_cmd, status => $pdu->{status}, sequence => $pdu->{seq});
    my @fields = qw(system_id system_type interface_version source_addr source_addr_ton source_addr_npi destination_addr
        dest_addr_ton dest_addr_npi esm_class data_coding registered_delivery);
    for my $field (@fields) {
        $entry{$field} = $pdu->{$field} if defined $pdu->{$field};
    }
    if ($pdu->explain_cmd eq 'submit_sm') {
        %entry = (%entry, decoded($pdu), payload => defined $pdu->{message_payload} ? JSON::PP::true : JSON::PP::false);
    }
    return \%entry;
}

# Reads until the client goes, so that it is the one that does.
sub stay {
    my ($client) = @_;
    while (my $pdu = $client->read_pdu) { record(told($pdu)) }
    exit;
}

sub answer_bind {
    my ($client, $pdu) = @_;
    my $status = oct $arguments{'bind-status'};
    $status ||= 0x0F if defined $arguments{'system-id'} && $pdu->{system_id} ne $arguments{'system-id'};
    $status ||= 0x0E if defined $arguments{password} && $pdu->{password} ne $arguments{password};
    stay($client) if $mode eq 'silent';
    if ($mode eq 'unbind-first') {
        $client->unbind(seq => 7, async => 1);
        stay($client);
    }
    if ($mode eq 'dead-bind') {
        $client->syswrite(pack('NNNN', 33, 0x80000002, 0, $pdu->{seq}) . 'half');
        exit;
    }
    # Without a body, as section 4.1.2 has it for those that refuse.
    $client->syswrite(pack 'NNNN', 16, 0x80000002, $status, $pdu->{seq}) if $status;
    $client->bind_transmitter_resp(system_id => 'TEST', seq => $pdu->{seq}) for 1 .. ($status ? 0 : $mode eq 'twice' ? 2 : 1);
}

my $submitted = 0;

sub answer_submit {
    my ($client, $pdu) = @_;
    my $status = oct $arguments{'submit-status'};
    my ($sequence, $id) = ($pdu->{seq}, 'M-' . ++$submitted);
    my $answer = pack 'NNNN', 20, 0x80000004, 0, $sequence;
    stay($client) if $mode eq 'slow';
    if ($mode eq 'dead') { $client->syswrite("${answer}M"); exit }
    if ($mode eq 'huge') { $client->syswrite(pack 'NNNN', 0xFFFFFFFF, 0x80000004, 0, $sequence); stay($client) }
    if ($mode eq 'tiny') { $client->syswrite(pack 'NNNN', 4, 0x80000004, 0, $sequence); stay($client) }
    if ($mode eq 'unbind') { $client->unbind(seq => 7, async => 1); stay($client) }
    if ($mode eq 'nack') { $client->generic_nack(seq => $sequence, status => 3); return }
    if ($mode eq 'nack-nobody') { $client->generic_nack(seq => 0, status => 2); return }
    if ($mode eq 'dribble') {
        $client->syswrite(pack 'NNNN', 4000, 0x80000004, 0, $sequence);
        1 while $client->syswrite('x') && !IO::Select->new($client)->can_read(0.05);
        exit;
    }
    if ($mode eq 'chatter') {
        1 while $client->syswrite(pack 'NNNN', 16, 0x80000006, 0, 12345);
        exit;
    }
    $sequence += 1000 if $mode eq 'wrong-sequence';
    $status = 0 if $mode eq 'second-refused' && $submitted == 1;
    if ($status && $mode ne 'body') {
        $client->syswrite(pack 'NNNN', 16, 0x80000004, $status, $sequence);
        return;
    }
    $client->submit_sm_resp(message_id => $id, seq => $sequence, status => $status) for 1 .. ($mode eq 'twice' ? 2 : 1);
}

# Asks for a sign of life and reads it.
sub enquire {
    my ($client) = @_;
    my $answer = $client->enquire_link(seq => 4711);
    record(told($answer));
}

sub serve {
    my ($client) = @_;
    while (my $pdu = $client->read_pdu) {
        record(told($pdu));
        my $command = $pdu->explain_cmd;
        enquire($client) if $mode eq 'enquire' && $command ne 'unbind';
        answer_bind($client, $pdu) if $command eq 'bind_transmitter';
        answer_submit($client, $pdu) if $command eq 'submit_sm';
        if ($command eq 'unbind') {
            $client->unbind_resp(seq => $pdu->{seq});
            last;
        }
    }
    exit;
}

my $listener = Net::SMPP->new_listen('127.0.0.1', port => 0, listen => 64, timeout => undef, smpp_version => 0x34) or die;
$| = 1;
print encode_json({ port => $listener->sockport }), "\n";
my $select = IO::Select->new($listener, \*STDIN);
while (1) {
    for my $ready ($select->can_read) {
        exit if $ready == \*STDIN;
        my $client = $listener->accept or next;
        next if fork;
        close $listener;
        close STDIN;
        serve($client);
    }
}
