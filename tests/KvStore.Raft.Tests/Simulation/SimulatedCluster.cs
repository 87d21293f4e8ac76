namespace KvStore.Raft.Tests.Simulation;

/// <summary>A group in one thread: one seed decides every delay, loss, crash, proposal and change of members.</summary>
/// <remarks>Members 1 to 3 form the group at first; 4 and 5 exist, know nothing, and may be added.</remarks>
internal sealed class SimulatedCluster
{
    private const ulong MemberCount = 5;

    // Beyond it messages are lost, as in any network.
    private const int NetworkLimit = 2_000;

    private readonly Random _random;
    private readonly List<SimulatedMember> _members = [];
    private readonly List<Message> _network = [];
    private readonly HashSet<(NodeId From, NodeId To)> _cut = [];
    private readonly int _lossPercent;
    private readonly int _repeatPercent;
    private readonly int _crashPerMille;
    private readonly int _changePerMille;
    private ulong _proposals;

    public SimulatedCluster(int seed)
    {
        _random = new Random(seed);
        // Each seed has its own weather: what is rare in one mix is common in another.
        _lossPercent = _random.Next(3) * 10;
        _repeatPercent = _random.Next(3) * 10;
        _crashPerMille = _random.Next(3) * 4;
        _changePerMille = _random.Next(3) * 5;
        bool isAsync = _random.Next(4) != 0;
        var initial = new ConfState { Voters = [new NodeId(1), new NodeId(2), new NodeId(3)] };
        for (ulong id = 1; id <= MemberCount; id++)
        {
            var state = id <= 3
                ? new Snapshot(new SnapshotMetadata(initial, 1, 1), default)
                : Snapshot.Empty;
            var storage = new CheckpointStorage(state, id <= 3 ? new HardState(1, NodeId.None, 1) : default);
            _members.Add(new SimulatedMember(new NodeId(id), storage, Checker, _random, isAsync));
            _members[^1].Start();
        }
    }

    public SafetyChecker Checker { get; } = new();

    /// <summary>
    /// Whether the members change. Then a group may end up without anybody who can win, as changes count when applied:
    /// </summary>
    /// <remarks>
    /// A voter that does not know yet that it alone decides asks former voters, whose longer logs refuse it. Former leaders that
    /// go on until the others know of the change prevent that (RaftConfig.StepDownOnRemoval off); crashes do not ask.
    /// </remarks>
    public bool ChangesMembers => _changePerMille > 0;

    /// <summary>Anything may happen at any time.</summary>
    public void RunInChaos(int steps)
    {
        for (int step = 0; step < steps; step++)
        {
            if (_random.Next(1000) < 5)
                Cut();
            var member = _members[_random.Next(_members.Count)];
            if (member.Raft is null)
                Recover(member);
            else
                Act(member);
        }
    }

    /// <summary>From now on everybody is up and nothing is lost: the group must get going again.</summary>
    /// <returns>Whether a proposal made now is committed.</returns>
    public bool CommitsOnceHealed()
    {
        _cut.Clear();
        foreach (var member in _members.Where(member => member.Raft is null))
            member.Start();
        ulong before = Checker.MaxCommitted;
        for (int round = 0; round < 400; round++)
        {
            RunUntilQuiet();
            if (Checker.MaxCommitted > before + 1)
                return true;
            foreach (var leader in _members.Where(member => member.Raft!.BasicStatus.IsLeader))
            {
                ReportLostSnapshots(leader.Raft!);
                leader.Raft!.Propose("after"u8.ToArray());
            }
            foreach (var member in _members)
                member.Tick();
        }
        return false;
    }

    public override string ToString() => string.Join("; ", _members.Select(member => member.ToString()));

    private void RunUntilQuiet()
    {
        for (int round = 0; round < 1000 && (_network.Count > 0 || _members.Exists(member => member.HasWork)); round++)
        {
            foreach (var member in _members)
            {
                member.ProcessReady(_network);
                member.ProcessAppend(_network);
                member.ProcessApply(_network);
            }
            var messages = _network.ToList();
            _network.Clear();
            foreach (var message in messages)
                Deliver(message);
        }
    }

    // A transport knows what it could not deliver; here nothing is under way any more.
    private static void ReportLostSnapshots(RawNode leader)
    {
        foreach (var member in leader.Status.Progress.Where(member => member.State == ProgressState.Snapshot))
            leader.ReportSnapshot(member.Id, SnapshotStatus.Failure);
    }

    private void Act(SimulatedMember member)
    {
        if (_random.Next(1000) < _crashPerMille)
            member.Crash();
        else if (_random.Next(1000) < _changePerMille)
            ChangeMembers(member.Raft!);
        else
            ActNormally(member);
    }

    private void ActNormally(SimulatedMember member)
    {
        switch (_random.Next(100))
        {
            case < 6: member.Tick(); break;
            case < 30: member.ProcessReady(_network); break;
            case < 40: member.ProcessAppend(_network); break;
            case < 50: member.ProcessApply(_network); break;
            case < 55: member.Raft!.Propose(BitConverter.GetBytes(_proposals++)); break;
            case < 58: member.Raft!.ReadIndex(Checker.AsksToRead()); break;
            case < 59: ActRarely(member); break;
            default: DeliverSomething(); break;
        }
    }

    private void ActRarely(SimulatedMember member)
    {
        var other = new NodeId((ulong)_random.Next(1, (int)MemberCount + 1));
        switch (_random.Next(7))
        {
            case 0: member.Raft!.TransferLeader(other); break;
            case 1: member.Raft!.ForgetLeader(); break;
            case 2: member.Raft!.ReportUnreachable(other); break;
            case 3: member.Raft!.ReportSnapshot(other, (SnapshotStatus)_random.Next(1, 3)); break;
            case 4: member.Raft!.Campaign(); break;
            case 5: member.Checkpoint(); break;
            case 6:
                member.Checkpoint();
                member.Storage.Compact();
                break;
        }
    }

    private void ChangeMembers(RawNode raft)
    {
        var changes = new List<ConfChangeSingle>();
        for (int count = _random.Next(0, 3); count >= 0; count--)
        {
            var type = (ConfChangeType)_random.Next(4);
            changes.Add(new ConfChangeSingle(type, new NodeId((ulong)_random.Next(1, (int)MemberCount + 1))));
        }
        if (_random.Next(4) == 0)
            changes.Clear();
        raft.ProposeConfChange(new ConfChangeV2 { Transition = (ConfChangeTransition)_random.Next(3), Changes = changes });
    }

    private void Recover(SimulatedMember member)
    {
        if (_random.Next(20) == 0)
            member.Start();
    }

    private void Cut()
    {
        _cut.Clear();
        // Most of the time the network is whole; a cut may be in one direction only.
        for (int count = _random.Next(2) * _random.Next(12); count > 0; count--)
            _cut.Add((_members[_random.Next(_members.Count)].Id, _members[_random.Next(_members.Count)].Id));
    }

    private void DeliverSomething()
    {
        while (_network.Count > NetworkLimit)
            _network.RemoveAt(_random.Next(_network.Count));
        if (_network.Count == 0)
            return;
        // Mostly in order, sometimes any.
        int at = _random.Next(4) == 0 ? _random.Next(_network.Count) : 0;
        var message = _network[at];
        if (_random.Next(100) >= _repeatPercent)
            _network.RemoveAt(at);
        if (_random.Next(100) >= _lossPercent && !_cut.Contains((message.From, message.To)))
            Deliver(message);
    }

    private void Deliver(Message message)
    {
        var target = _members.Find(member => member.Id == message.To);
        if (target?.Raft is not null)
            target.Step(message);
    }
}
