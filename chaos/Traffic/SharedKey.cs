namespace KvStore.Chaos.Traffic;

/// <summary>A key that few clients share for few requests, so that every order of its requests can be tried by a checker; then
/// the next takes its place.</summary>
internal sealed class SharedKey(string prefix)
{
    private const int OperationLimit = 190;
    private const int ClientLimit = 10;

    private readonly Lock _gate = new();
    private readonly HashSet<int> _clients = [];
    private int _generation;
    private int _operationCount;

    /// <summary>The key for one more request of this client.</summary>
    public string Use(int client)
    {
        lock (_gate)
        {
            bool isFull = _operationCount >= OperationLimit || (_clients.Count >= ClientLimit && !_clients.Contains(client));
            if (isFull)
            {
                _generation++;
                _operationCount = 0;
                _clients.Clear();
            }
            _clients.Add(client);
            _operationCount++;
            return $"{prefix}{_generation}";
        }
    }
}
