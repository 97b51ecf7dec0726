"""A training step for comparison: PyTorch's backpropagation and Adam on the same network."""

import torch

#: torch.optim.Adam by default (a loop over the arrays on CPUs), and its fastest form.
ADAM_VARIANTS = {
    "default": {},
    "fused": {"fused": True},
}


class TorchPeer:
    """A relu network of the same shape, weights, scales and skips, with squared error.

    Parameters
    ----------
    net : Network
        With biases; its arrays are copied.
    variant : str
        One of `ADAM_VARIANTS`.
    """

    def __init__(self, net, variant):
        self.weights = [torch.tensor(W, requires_grad=True) for W in net.weights]
        self.biases = [torch.tensor(b, requires_grad=True) for b in net.biases]
        self.scales = net.scales.tolist()
        self.skips = net.skips.tolist()
        parameters = [*self.weights, *self.biases]
        self.optimizer = torch.optim.Adam(parameters, lr=1e-4, **ADAM_VARIANTS[variant])

    def forward(self, x):
        """Outputs mu_L (n, K); x (n, D)."""
        z = x
        layers = zip(self.weights, self.biases, self.scales, self.skips)
        for index, (W, b, scale, skip) in enumerate(layers):
            signal = z if index == 0 else torch.relu(z)
            mu = torch.addmm(b, signal, W, alpha=scale)
            z = mu + z if skip else mu
        return z

    def step(self, x, y):
        """One step of training on a batch of tensors."""
        self.optimizer.zero_grad()
        loss = 0.5 * ((y - self.forward(x)) ** 2).sum(dim=1).mean()
        loss.backward()
        self.optimizer.step()
