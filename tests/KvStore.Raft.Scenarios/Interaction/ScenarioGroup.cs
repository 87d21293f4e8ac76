namespace KvStore.Raft.Scenarios;

/// <summary>The nodes of a scenario and the messages under way between them.</summary>
internal sealed class ScenarioGroup(ScenarioOutput output)
{
    private readonly List<ScenarioNode> _nodes = [];
    private readonly Dictionary<NodeId, Directive> _made = [];

    public IReadOnlyList<ScenarioNode> Nodes => _nodes;

    public List<Message> Messages { get; private set; } = [];

    public ScenarioNode Node(NodeId id) => _nodes.Find(node => node.Id == id)
        ?? throw new ScenarioException($"there is no node {id}: add-nodes makes them");

    public void Add(Directive directive)
    {
        var initial = AddNodesOptions.InitialState(directive);
        for (ulong count = directive.Arguments[0].KeyAsNumber; count > 0; count--)
        {
            var id = new NodeId((ulong)_nodes.Count + 1);
            var storage = new HistoryStorage(initial);
            _nodes.Add(new ScenarioNode(AddNodesOptions.Config(directive, id, storage), storage));
            _made[id] = directive;
        }
    }

    /// <summary>Stops and starts a node. Its state machine is durable; everything it had not persisted is lost.</summary>
    /// <remarks>With <c>commit=INDEX</c> it finds that in its hard state, as in a log that is damaged or another's.</remarks>
    public void Restart(ScenarioNode node, Directive directive)
    {
        if (directive.Find("commit") is { } commit)
            node.Storage.Log.SetHardState(node.Storage.InitialState().HardState with { Commit = Argument.Number(commit.Value) });
        var arguments = _made[node.Id].Arguments.Where(argument => argument.Key is not "index");
        var applied = new Argument("index", [node.Storage.LastApplied.Metadata.Index.ToString()]);
        var options = directive with { Arguments = [.. arguments, applied] };
        node.Restart(AddNodesOptions.Config(options, node.Id, node.Storage));
    }

    public void Titled(ScenarioNode node, string title, Action action)
    {
        output.WriteLine($"> {node.Id.Value} {title}");
        output.Indented(action);
    }

    /// <summary>Runs nodes, in the order of the phases, until none of them has anything to do.</summary>
    public void Stabilize(IReadOnlyList<ScenarioNode> nodes)
    {
        bool isBusy = true;
        while (isBusy)
        {
            isBusy = RunWhere(nodes, node => node.Raft.HasReady, "handling Ready", ProcessReady);
            isBusy |= RunWhere(nodes, HasMessages, "receiving messages", node => Deliver(node.Id, type: null));
            isBusy |= RunWhere(nodes, node => node.AppendWork.Count > 0, "processing append thread", FinishAppendWork);
            isBusy |= RunWhere(nodes, node => node.ApplyWork.Count > 0, "processing apply thread", FinishApplyWork);
        }
    }

    public void ProcessReady(ScenarioNode node)
    {
        var ready = node.Raft.Ready();
        output.Write(Describe.Ready(ready));
        if (!node.Config.AsyncStorageWrites)
        {
            node.Persist(ready.HardState ?? default, ready.Entries, ready.Snapshot);
            node.Apply(ready.CommittedEntries);
        }
        foreach (var message in ready.Messages)
            Route(node, message);
        if (!node.Config.AsyncStorageWrites)
            node.Raft.Advance();
    }

    public void ProcessAppendThread(ScenarioNode node) => Process(node.AppendWork, "no append work to perform",
        work => node.Persist(work.HardState, work.Entries, work.Snapshot));

    public void ProcessApplyThread(ScenarioNode node) => Process(node.ApplyWork, "no apply work to perform",
        work => node.Apply(work.Entries));

    /// <returns>How many messages there were.</returns>
    public int Deliver(NodeId to, MessageType? type)
    {
        var messages = Take(message => message.To == to && IsOfType(message, type));
        foreach (var message in messages)
        {
            output.WriteLine(Describe.Message(message));
            if (Node(to).Raft.Step(message) is var error and not RaftError.None)
                output.WriteLine(RaftException.Describe(error));
        }
        return messages.Count;
    }

    /// <summary>Loses messages, but not those between a node and its own storage: these are never lost.</summary>
    public int Drop(NodeId to, MessageType? type)
    {
        var messages = Take(message => message.To == to && IsOfType(message, type) && !IsLocal(message));
        foreach (var message in messages)
            output.WriteLine("dropped: " + Describe.Message(message));
        return messages.Count;
    }

    private static bool IsOfType(Message message, MessageType? type) => type is null || message.Type == type;

    private static bool IsLocal(Message message) =>
        message.From == message.To || message.From.IsLocalThread || message.To.IsLocalThread;

    private bool HasMessages(ScenarioNode node) => Messages.Exists(message => message.To == node.Id);

    private bool RunWhere(
        IReadOnlyList<ScenarioNode> nodes, Predicate<ScenarioNode> condition, string title, Action<ScenarioNode> action)
    {
        bool hasRun = false;
        foreach (var node in nodes)
        {
            if (!condition(node))
                continue;
            Titled(node, title, () => action(node));
            hasRun = true;
        }
        return hasRun;
    }

    private void FinishAppendWork(ScenarioNode node)
    {
        while (node.AppendWork.Count > 0)
            ProcessAppendThread(node);
    }

    private void FinishApplyWork(ScenarioNode node)
    {
        while (node.ApplyWork.Count > 0)
            ProcessApplyThread(node);
    }

    private void Process(Queue<Message> queue, string whenEmpty, Action<Message> perform)
    {
        if (!queue.TryDequeue(out var work))
        {
            output.Write(whenEmpty);
            return;
        }
        output.WriteLine("Processing:");
        output.WriteLine(Describe.Message(work with { Responses = [] }));
        perform(work);
        output.WriteLine("Responses:");
        foreach (var response in work.Responses)
            output.WriteLine(Describe.Message(response));
        Messages.AddRange(work.Responses);
    }

    private void Route(ScenarioNode node, Message message)
    {
        switch (message.Type)
        {
            case MessageType.StorageAppend: node.AppendWork.Enqueue(message); break;
            case MessageType.StorageApply: node.ApplyWork.Enqueue(message); break;
            default: Messages.Add(message); break;
        }
    }

    private List<Message> Take(Predicate<Message> condition)
    {
        var taken = Messages.FindAll(condition);
        Messages = Messages.FindAll(message => !condition(message));
        return taken;
    }
}
