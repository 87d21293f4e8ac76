namespace KvStore.Client;

/// <summary>One call's hold on an endpoint, at the state of health in which it was picked.</summary>
internal readonly struct EndpointUse(Endpoint endpoint, int generation, bool owesAnswer) : IDisposable
{
    public Endpoint Endpoint => endpoint;

    /// <summary>The endpoint did something for the call: it lives, and its failures are forgotten.</summary>
    public void Answered() => endpoint.Answered();

    /// <summary>The endpoint is to rest. A verdict on a state that is past counts no more.</summary>
    public void Failed(Exception cause) => endpoint.Failed(generation, cause);

    public void Dispose() => endpoint.Leave(owesAnswer);
}
