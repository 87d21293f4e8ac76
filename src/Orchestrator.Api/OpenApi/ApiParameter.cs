namespace Orchestrator.Api;

/// <summary>A parameter in a path or query.</summary>
internal sealed record ApiParameter(string Name, string Type, string Description, bool IsInPath = false)
{
    private static readonly ApiParameter Continue = new("continue", "string",
        "Goes on with a list that was cut by a limit: the token that came with the part before.");

    private static readonly ApiParameter FieldSelector = new("fieldSelector", "string",
        "Keeps only objects whose fields fit. Defaults to everything.");

    private static readonly ApiParameter LabelSelector = new("labelSelector", "string",
        "Keeps only objects whose labels fit. Defaults to everything.");

    private static readonly ApiParameter Limit = new("limit", "integer",
        "The most objects in one answer; if there are more, the answer has a token for continue.");

    private static readonly ApiParameter ResourceVersion = new("resourceVersion", "string",
        "How new the answer must be at least, or exactly, as resourceVersionMatch says. Empty means the newest.");

    private static readonly ApiParameter ResourceVersionMatch = new("resourceVersionMatch", "string",
        "How resourceVersion is meant: NotOlderThan or Exact.");

    private static readonly ApiParameter SendInitialEvents = new("sendInitialEvents", "boolean",
        "A watch begins with all objects there are, as additions, and then a bookmark that says so.");

    private static readonly ApiParameter TimeoutSeconds = new("timeoutSeconds", "integer",
        "Ends the list or watch after this time, whatever happens.");

    private static readonly ApiParameter DryRun = new("dryRun", "string",
        "All: everything is done but the write itself.");

    private static readonly ApiParameter FieldManager = new("fieldManager", "string",
        "Who makes the change, as managedFields will name them. At most 128 printable characters.");

    private static readonly ApiParameter FieldValidation = new("fieldValidation", "string",
        "What becomes of unknown and repeated fields: Ignore drops them, Warn (the default) says so in a warning, Strict refuses.");

    private static readonly ApiParameter Force = new("force", "boolean",
        "An apply takes over fields that belong to others. Only for apply patches.");

    private static readonly ApiParameter GracePeriodSeconds = new("gracePeriodSeconds", "integer",
        "Seconds until the object is gone; 0 means at once. Defaults to what is usual for its kind.");

    private static readonly ApiParameter IgnoreStoreReadError = new("ignoreStoreReadErrorWithClusterBreakingPotential", "boolean",
        "Deletes an object even though what is stored of it cannot be read. What depends on it is not cleaned up.");

    private static readonly ApiParameter OrphanDependents = new("orphanDependents", "boolean",
        "Old form of propagationPolicy: true leaves dependents behind, false deletes them.");

    private static readonly ApiParameter PropagationPolicy = new("propagationPolicy", "string",
        "What becomes of dependents: Orphan keeps them, Background deletes them afterwards, Foreground before.");

    public static readonly ApiParameter InPathName = new("name", "string", "The object's name.", IsInPath: true);

    public static readonly ApiParameter InPathNamespace = new("namespace", "string", "The object's namespace.", IsInPath: true);

    public static readonly ApiParameter InPathPath = new("path", "string", "The rest of the path, which is passed on.", IsInPath: true);

    public static readonly ApiParameter Pretty = new("pretty", "string", "true: the answer is indented for people.");

    public static readonly IReadOnlyList<ApiParameter> OfList =
    [
        new("allowWatchBookmarks", "boolean", "A watch may send bookmarks: events that only say how far it has got."),
        Continue, FieldSelector, LabelSelector, Limit, ResourceVersion, ResourceVersionMatch, SendInitialEvents, TimeoutSeconds,
        new("watch", "boolean", "Answers with a stream of changes from the given resourceVersion on, instead of a list."),
    ];

    public static readonly IReadOnlyList<ApiParameter> OfDelete =
        [DryRun, GracePeriodSeconds, IgnoreStoreReadError, OrphanDependents, PropagationPolicy];

    public static readonly IReadOnlyList<ApiParameter> OfDeleteCollection =
    [
        Continue, DryRun, FieldSelector, GracePeriodSeconds, IgnoreStoreReadError, LabelSelector, Limit, OrphanDependents,
        PropagationPolicy, ResourceVersion, ResourceVersionMatch, SendInitialEvents, TimeoutSeconds,
    ];

    public static readonly IReadOnlyList<ApiParameter> OfWrite = [DryRun, FieldManager, FieldValidation];

    public static readonly IReadOnlyList<ApiParameter> OfPatch = [DryRun, FieldManager, FieldValidation, Force];

    /// <summary>Subresources' own.</summary>
    public static IReadOnlyList<ApiParameter> OfSubresource(string kindOrName) => kindOrName switch
    {
        "log" =>
        [
            new("container", "string", "Whose log. May be left out if the pod has one container only."),
            new("follow", "boolean", "Goes on with what is written from now on."),
            new("insecureSkipTLSVerifyBackend", "boolean", "Does not check the node's certificate: the log may then come from anyone."),
            new("limitBytes", "integer", "Ends the answer after this many bytes."),
            new("previous", "boolean", "Takes the log of the container that ran before the present one."),
            new("sinceSeconds", "integer", "Leaves out what is older than this."),
            new("stream", "string", "All, Stdout or Stderr."),
            new("tailLines", "integer", "Only this many lines from the end. Defaults to all."),
            new("timestamps", "boolean", "Puts the time before each line."),
        ],
        "PodExecOptions" =>
        [
            new("command", "string", "The program and its arguments, one parameter each; no shell is involved."),
            Container, Stderr, Stdin, Stdout, Tty,
        ],
        "PodAttachOptions" => [Container, Stderr, Stdin, Stdout, Tty],
        "PodPortForwardOptions" => [new("ports", "integer", "Ports of the pod. Needed when a WebSocket is used.")],
        "PodProxyOptions" or "NodeProxyOptions" or "ServiceProxyOptions" =>
            [new("path", "string", "The path of the request that is passed on.")],
        _ => [],
    };

    private static ApiParameter Container => new("container", "string", "In which container. Defaults to the pod's only one.");

    private static ApiParameter Stdin => new("stdin", "boolean", "Connects the standard input. Defaults to false.");

    private static ApiParameter Stdout => new("stdout", "boolean", "Connects the standard output.");

    private static ApiParameter Stderr => new("stderr", "boolean", "Connects the standard error stream.");

    private static ApiParameter Tty => new("tty", "boolean", "Gives it a terminal. Defaults to false.");
}
