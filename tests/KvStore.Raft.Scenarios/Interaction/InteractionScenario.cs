using System.Text;

namespace KvStore.Raft.Scenarios;

/// <summary>A group of nodes in one thread: each step is a command, and nothing happens but what a command says.</summary>
public sealed class InteractionScenario : IScenario
{
    private readonly ScenarioOutput _output = new();
    private readonly ScenarioGroup _group;

    public InteractionScenario() => _group = new ScenarioGroup(_output);

    public string Run(Directive directive)
    {
        try
        {
            RunCommands(directive);
        }
        catch (Exception error) when (error is ScenarioException or RaftException or InvariantException or LogLostException)
        {
            // Errors show at any log level, after what the command has shown before.
            string shown = _output.Take();
            return shown == "ok" ? error.Message : shown + error.Message;
        }
        return _output.Take();
    }

    // Input lines are further commands, except for a membership change, whose input is the change.
    private void RunCommands(Directive directive)
    {
        if (directive.Command == "propose-conf-change")
        {
            ProposeConfChange(directive);
            return;
        }
        RunCommand(directive);
        foreach (string line in directive.Input.Split('\n').Where(line => line.Length > 0))
        {
            var (command, arguments) = ScenarioParser.ParseLine(line);
            RunCommand(directive with { Command = command, Arguments = arguments, Input = "" });
        }
    }

    private void RunCommand(Directive directive)
    {
        switch (directive.Command)
        {
            case "add-nodes": _group.Add(directive); break;
            case "campaign": Node(directive).Raft.Campaign(); break;
            case "compact": Compact(directive); break;
            case "deliver-msgs": DeliverMessages(directive); break;
            case "forget-leader": Node(directive).Raft.ForgetLeader(); break;
            case "hard-state": _output.WriteLine(Describe.HardState(Node(directive).Storage.InitialState().HardState)); break;
            case "log-level": _output.SetLevel(directive.Arguments[0].Key); break;
            case "process-append-thread": ForEach(directive, "processing append thread", _group.ProcessAppendThread); break;
            case "process-apply-thread": ForEach(directive, "processing apply thread", _group.ProcessApplyThread); break;
            case "process-ready": ForEach(directive, "handling Ready", _group.ProcessReady); break;
            case "propose": Check(Node(directive).Raft.Propose(Bytes(directive.Arguments[1].Key))); break;
            case "raft-log": ShowLog(Node(directive)); break;
            case "raft-state": ShowStates(); break;
            case "read-index": Node(directive).Raft.ReadIndex(Bytes(directive.Arguments[1].Key)); break;
            case "report-snapshot": ReportSnapshot(directive); break;
            case "report-unreachable": Node(directive).Raft.ReportUnreachable(new NodeId(directive.Numbers[1])); break;
            case "restart": _group.Restart(Node(directive), directive); break;
            case "send-snapshot": SendSnapshot(directive); break;
            case "set-randomized-election-timeout": SetElectionTimeout(directive); break;
            case "stabilize": Stabilize(directive); break;
            case "step": Step(directive); break;
            case "status": _output.Write(Describe.Progress(Node(directive).Raft.Status.Progress)); break;
            case "tick-election": Tick(Node(directive), Node(directive).Config.ElectionTicks); break;
            case "tick-heartbeat": Tick(Node(directive), Node(directive).Config.HeartbeatTicks); break;
            case "transfer-leadership": TransferLeadership(directive); break;
            default: throw new ScenarioException("unknown command");
        }
    }

    private ScenarioNode Node(Directive directive) => _group.Node(directive.FirstNode);

    private void ForEach(Directive directive, string title, Action<ScenarioNode> action)
    {
        var nodes = directive.Numbers.Select(id => _group.Node(new NodeId(id))).ToList();
        foreach (var node in nodes)
        {
            if (nodes.Count == 1)
                action(node);
            else
                _group.Titled(node, title, () => action(node));
        }
    }

    private void ProposeConfChange(Directive directive)
    {
        var changes = ConfChangeInput.Parse(directive.Input);
        var transition = (directive.Find("transition")?.Value ?? "auto") switch
        {
            "auto" => ConfChangeTransition.Auto,
            "implicit" => ConfChangeTransition.JointImplicit,
            "explicit" => ConfChangeTransition.JointExplicit,
            var other => throw new ScenarioException($"unknown transition {other}"),
        };
        var node = Node(directive).Raft;
        if (directive.Find("v1")?.Flag != true)
            Check(node.ProposeConfChange(new ConfChangeV2 { Transition = transition, Changes = changes }));
        else if (changes.Count == 1 && transition == ConfChangeTransition.Auto)
            Check(node.ProposeConfChange(new ConfChange(changes[0].Type, changes[0].NodeId)));
        else
            throw new ScenarioException("v1 conf change can only have one operation and no transition");
    }

    private void DeliverMessages(Directive directive)
    {
        MessageType? type = directive.Find("type") is { } name ? InjectedMessage.TypeOf(name.Value) : null;
        var delivered = directive.Numbers.Select(id => new NodeId(id)).ToList();
        var dropped = (directive.Find("drop")?.Values ?? []).Select(id => new NodeId(Argument.Number(id))).ToList();
        if (delivered.Intersect(dropped).Any())
            throw new ScenarioException("can't both deliver and drop msgs to the same node");
        int count = 0;
        foreach (var id in delivered)
            count += _group.Deliver(id, type);
        foreach (var id in dropped)
            count += _group.Drop(id, type);
        if (count == 0)
            _output.WriteLine("no messages");
    }

    private void Compact(Directive directive)
    {
        var node = Node(directive);
        if (node.Storage.Log.Compact(directive.Numbers[1]) is var error and not RaftError.None)
            throw new RaftException(error);
        ShowLog(node);
    }

    private void ShowLog(ScenarioNode node)
    {
        var log = node.Storage.Log;
        if (log.LastIndex < log.FirstIndex)
        {
            _output.Write(FormattableString.Invariant($"log is empty: first index={log.FirstIndex}, last index={log.LastIndex}"));
            return;
        }
        log.Entries(log.FirstIndex, log.LastIndex + 1, RaftConfig.NoLimit, out var entries);
        _output.Write(Describe.Entries(entries));
    }

    private void ShowStates()
    {
        foreach (var node in _group.Nodes)
        {
            var status = node.Raft.Status;
            var (id, hard, soft) = (node.Id, status.Basic.HardState, status.Basic.SoftState);
            string voter = status.Config.Voters.Contains(id) ? "(Voter)" : "(Non-Voter)";
            _output.WriteLine(FormattableString.Invariant(
                $"{id.Value}: State{soft.Role} {voter} Term:{hard.Term} Lead:{soft.Leader.Value}"));
        }
    }

    private void SendSnapshot(Directive directive)
    {
        var from = Node(directive);
        from.Storage.Snapshot(out var snapshot);
        var message = new Message
        {
            Type = MessageType.Snap,
            From = from.Id,
            To = new NodeId(directive.Numbers[1]),
            Term = from.Raft.BasicStatus.HardState.Term,
            Snapshot = snapshot,
        };
        _group.Messages.Add(message);
        _output.Write(Describe.Message(message));
    }

    private void ReportSnapshot(Directive directive)
    {
        var status = directive.Arguments[2].Key switch
        {
            "finish" => SnapshotStatus.Finish,
            "failure" => SnapshotStatus.Failure,
            var other => throw new ScenarioException($"a snapshot ends with finish or failure, not {other}"),
        };
        Node(directive).Raft.ReportSnapshot(new NodeId(directive.Arguments[1].KeyAsNumber), status);
    }

    private void SetElectionTimeout(Directive directive) =>
        Node(directive).Raft.Consensus.RandomizedElectionTimeout = (int)Argument.Number(directive.Require("timeout"));

    private void TransferLeadership(Directive directive)
    {
        var from = new NodeId(Argument.Number(directive.Require("from")));
        _group.Node(from).Raft.TransferLeader(new NodeId(Argument.Number(directive.Require("to"))));
    }

    // A message that nobody sent: late, repeated, or from somebody who should not send it.
    private void Step(Directive directive)
    {
        var node = Node(directive);
        var message = InjectedMessage.Read(directive, node.Id);
        _output.WriteLine(Describe.Message(message));
        Check(node.Raft.Step(message));
    }

    private void Stabilize(Directive directive)
    {
        string level = _output.Level;
        if (directive.Find("log-level") is { } argument)
            _output.SetLevel(argument.Value);
        var ids = directive.Numbers;
        _group.Stabilize(ids.Count == 0 ? _group.Nodes : [.. ids.Select(id => _group.Node(new NodeId(id)))]);
        _output.SetLevel(level);
    }

    private static void Tick(ScenarioNode node, int ticks)
    {
        for (int i = 0; i < ticks; i++)
            node.Raft.Tick();
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static void Check(RaftError error)
    {
        if (error != RaftError.None)
            throw new RaftException(error);
    }
}
